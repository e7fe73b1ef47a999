"""A process that owns an embedded server, for the tests that end it: prints the server's folder, then waits."""

from __future__ import annotations

import os
import signal
import sys
import time

from qt001_cp.servers import open_server

if __name__ == "__main__":
    # A shell starts what it puts in the background with SIGINT ignored, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open_server("embedded") as server:
        print(server.host, flush=True)
        if sys.argv[1:] == ["fork"] and os.fork() == 0:
            time.sleep(20)  # a fork of the owner, which holds the pipe to the supervisor open
            os._exit(0)
        time.sleep(120)
