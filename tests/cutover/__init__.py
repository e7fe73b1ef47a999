"""FIX7b: what refuses it, what it leaves behind, and what it refuses at its end."""
