"""The rehearsal: FIX7a, b, c, every no-go family and the way back, for real, on a disposable server."""
