"""A door in a sandbox's walls that opens once: to the warm process, before any cell is run."""

import os
import socket
import time
from contextlib import suppress
from pathlib import Path

LOOK_SECONDS = 0.1  # between looks at whether the process still lives


class Door:
    """A listening socket in a folder that the sandbox sees; use it with `with`."""

    NAME = "door"

    def __init__(self, folder):
        self._path = Path(folder, self.NAME)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._listener.bind(f"/proc/self/fd/{number}/{self.NAME}")  # a longer path is refused
        finally:
            os.close(number)
        self._path.chmod(0o666)  # a container's root may be another user; the way here is private
        self._listener.listen(1)

    def open(self, process, seconds):
        """Wait for a process's connection; None when it ends or does not come in time."""
        self._listener.settimeout(LOOK_SECONDS)
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(TimeoutError):
                return self._listener.accept()[0]
        return None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._listener.close()
        self._path.unlink(missing_ok=True)
