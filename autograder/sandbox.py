"""The sandbox from outside: a warm process behind walls that forks a child per submission.

The walls give it a file view with Python, the students' edition of the course and nothing else,
and no network; `autograder.inside` does the rest. What comes out is data, never a verdict.
"""

import json
import os
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path

from autograder.door import Door
from autograder.errors import CourseError
from autograder.isolation import isolation, require_isolation
from autograder.workplace import workplace

START_SECONDS = 120  # to import torch on a busy machine
ANSWER_SECONDS = 10  # beyond a submission's own time
MOST_BYTES = 128_000_000  # that a child may send
LIMITS = {  # of each child, in bytes where nothing else is said
    "memory": 3 * 2**30,
    "address_space": 4 * 2**30,
    "disk": 256 * 2**20,
    "file": 128 * 2**20,
    "files": 256,
    "threads": 128,  # whose stacks, of 8 MB each, leave address space for the rest
}
# Of all in a sandbox together: a child's, its files', and what the warm process keeps.
MOST_MEMORY = LIMITS["memory"] + LIMITS["disk"] + 2**30
MOST_PROCESSES = LIMITS["threads"] + 64
WALL_FACTOR = 3  # time may pass that many times as fast as CPU time, on a busy machine


@dataclass(frozen=True)
class Answer:
    """What a child left.

    Attributes:
        data: bytes that it sent; see `autograder.inside.frames`.
        late: whether it was ended because its time was up.
        status: its wait status; None when the sandbox itself was lost.
        cut: whether it sent more than it may.
        cpu_seconds: that it used.
        seconds: that it lived.
    """

    data: bytes
    late: bool = False
    status: int | None = None
    cut: bool = False
    cpu_seconds: float = 0.0
    seconds: float = 0.0


class Sandbox:
    """A warm process behind walls; it runs one submission after the other.

    Raises:
        CourseError: this machine offers no isolation, or the process did not start.
    """

    def __init__(self):
        require_isolation(trusted=False)
        self._folder = tempfile.TemporaryDirectory(
            prefix="sandbox-", dir=workplace(), ignore_cleanup_errors=True
        )
        self._exchange = Path(self._folder.name, "exchange")
        self._exchange.mkdir()
        self._errors = Path(self._folder.name, "errors")
        self._walls = isolation()[0].build(self._exchange, MOST_MEMORY, MOST_PROCESSES)
        self._process, self._control = self._start()
        if not self._control or not (self._receive(START_SECONDS) or {}).get("ready"):
            raise CourseError(f"The sandbox did not start: {self._last_words()}")

    def _start(self):
        """Start the warm process; returns it and its connection, None where it did not come."""
        program = [sys.executable, "/runner/warm_parent.py", f"/exchange/{Door.NAME}"]
        with Door(self._exchange) as door, self._errors.open("wb") as errors:
            process = subprocess.Popen(
                [*self._walls.command, *program],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=self._folder.name,  # an engine's monitor leaves a note where it was started
            )
            return process, door.open(process, START_SECONDS)

    def _last_words(self):
        lines = self._errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        self.close()
        return lines[-1] if lines else f"no answer within {START_SECONDS} s"

    def _receive(self, seconds):
        self._control.settimeout(seconds)
        try:
            return json.loads(self._control.recv(1 << 16) or "null")
        except (TimeoutError, ConnectionError):
            return None

    def run(self, cells, examples, files, limits, seed):
        """Run a submission's cells in a child of its own.

        Args:
            cells: list of ``(id, source)``.
            examples: folder that the checks' questions lie in.
            files: folder of the files beside the notebook, or None.
            limits: `autograder.execution.Limits`.
            seed: for the random numbers that the cells draw.

        Returns:
            `Answer`.
        """
        self._lay_out(cells, examples, files)
        seconds = WALL_FACTOR * limits.submission_seconds + ANSWER_SECONDS
        request = {"seed": seed, "limits": self._limits(limits) | {"wall_seconds": seconds}}
        reading, writing = os.pipe()
        try:
            self._ask(request, writing)
            return self._await(reading, seconds + ANSWER_SECONDS)
        finally:
            os.close(reading)

    def _ask(self, request, writing):
        """Send a request; that nobody is there to take it is noticed when the answer is due."""
        try:
            with suppress(ConnectionError):
                socket.send_fds(self._control, [json.dumps(request).encode()], [writing])
        finally:
            os.close(writing)

    def _lay_out(self, cells, examples, files):
        """Put the request's files where the child, which cannot write there, finds them."""
        for path in self._exchange.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(examples, self._exchange / "examples")
        beside = self._exchange / "files"
        if files is None:
            beside.mkdir()
        else:
            shutil.copytree(files, beside, ignore=shutil.ignore_patterns("*.ipynb"))
        text = json.dumps(cells)
        (self._exchange / "cells.json").write_text(text, encoding="utf-8", errors="replace")
        for path in self._exchange.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)  # the child is another user

    @staticmethod
    def _limits(limits):
        return LIMITS | {
            "sandbox": os.getpid(),  # a process keeps one
            "cell_seconds": limits.cell_seconds,
            "submission_seconds": limits.submission_seconds,
            "cpu_seconds": int(limits.submission_seconds + ANSWER_SECONDS),
            "wall_factor": WALL_FACTOR,
            "output_characters": limits.output_characters,
        }

    def _await(self, reading, seconds):
        """Take in what the child sends until the warm process says that it is gone."""
        received, size, deadline = [], 0, time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(reading, selectors.EVENT_READ)
            selector.register(self._control, selectors.EVENT_READ)
            while events := selector.select(max(0, deadline - time.monotonic())):
                if time.monotonic() > deadline:
                    break
                for key, _ in events:
                    if key.fileobj is self._control and len(events) == 1:
                        return self._answer(received, size)
                    if key.fileobj == reading:
                        piece = os.read(reading, 1 << 20)
                        size += len(piece)
                        if not piece:
                            selector.unregister(reading)
                        elif size <= MOST_BYTES:  # the rest is read, lest a child wait for it
                            received.append(piece)
        self.close()
        return Answer(b"".join(received), late=True, cut=size > MOST_BYTES)

    def _answer(self, received, size):
        said = self._receive(ANSWER_SECONDS)
        data = b"".join(received)
        if not said or "failed" in said:
            self.close()
            return Answer(data)
        return Answer(data, cut=size > MOST_BYTES, **said)

    @property
    def alive(self):
        """Whether it can run another submission."""
        return self._process.poll() is None

    def close(self):
        """End it, and everything in it."""
        if self._control:
            self._control.close()
        self._process.kill()
        self._process.wait()
        self._walls.end()
        self._folder.cleanup()


_kept = {}  # by process, for a forked one must leave its parent's alone


def sandbox():
    """This process's sandbox, started when first asked for and again when it was lost."""
    kept = _kept.get(os.getpid())
    if kept is None or not kept.alive:
        kept = _kept[os.getpid()] = Sandbox()
        Finalize(None, kept.close, exitpriority=1)  # workers do not come by `atexit`
    return kept
