"""The sandbox from outside: a warm process behind walls that forks a child per submission.

bubblewrap gives it a file view with Python, the students' edition of the course and nothing else,
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
from functools import lru_cache
from importlib.util import find_spec
from multiprocessing.util import Finalize
from pathlib import Path

from autograder.errors import CourseError
from autograder.workplace import workplace

INSIDE = Path(__file__).parent / "inside"
START_SECONDS = 120  # to import torch on a busy machine
ANSWER_SECONDS = 10  # beyond a submission's own time
MOST_BYTES = 128_000_000  # that a child may send
HIDDEN_ROOMS = ("autograder", "solutions", "chapters", "training", "tests", "_build", ".git")
# Where torch finds what the processor can do; without it, it converts no half precision.
PROCESSOR = ("/proc/cpuinfo", "/sys/devices/system/cpu")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/fonts", *PROCESSOR)
LIMITS = {  # of each child, in bytes where nothing else is said
    "memory": 3 * 2**30,
    "address_space": 4 * 2**30,
    "disk": 256 * 2**20,
    "file": 128 * 2**20,
    "files": 256,
    "threads": 512,
}
WALL_FACTOR = 3  # time may pass that many times as fast as CPU time, on a busy machine
NO_SANDBOX = (
    "This machine offers no sandbox ({why}). Install bubblewrap (Debian, Ubuntu: apt-get install "
    "bubblewrap libseccomp2), or say --trust-submissions: then submissions run as you, and can "
    "read and change whatever you can."
)


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


def _walls(exchange):
    """bubblewrap's arguments for the file view and the environment."""
    python = {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
    shown = ["/usr", *sorted(str(path) for path in python if not path.is_relative_to("/usr"))]
    shown += [path for path in SYSTEM_FILES if Path(path).exists()]
    arguments = ["bwrap", "--die-with-parent", "--new-session", "--clearenv", "--chdir", "/"]
    for folder in _parents([*shown, "/dev/null", "/edition/course_lib"]):
        arguments += ["--perms", "0755", "--dir", folder]  # bubblewrap's own are for root alone
    for path in shown:
        arguments += ["--ro-bind", path, path]
    for name in ("lib", "lib64", "bin", "sbin"):
        if Path("/", name).is_symlink():
            arguments += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
        elif Path("/", name).exists():
            arguments += ["--ro-bind", f"/{name}", f"/{name}"]
    for device in ("null", "zero", "urandom", "random"):
        arguments += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    tools = Path(find_spec("course_lib").origin).resolve().parent
    arguments += ["--ro-bind", str(tools), "/edition/course_lib"]
    arguments += ["--ro-bind", str(INSIDE), "/runner", "--ro-bind", str(exchange), "/exchange"]
    for folder in _hidden_folders(shown):
        arguments += ["--tmpfs", str(folder)]
    if not any(Path(path).is_relative_to("/tmp") for path in shown):
        arguments += ["--symlink", "/scratch", "/tmp"]
    return [*arguments, *_environment(), "--tmpfs", "/scratch", "--remount-ro", "/"]


def _parents(paths):
    """The folders that lead to some paths, outermost first."""
    return sorted({str(parent) for path in paths for parent in Path(path).parents} - {"/"})


def _hidden_folders(shown):
    """Rooms of the course that lie in what is shown, as beside the libraries: not for students.

    Debian's own Python installs into /usr/local, and a checkout may lie there, too.
    """
    rooms = {
        INSIDE.resolve().parents[1],
        *Path(sys.prefix).resolve().glob("lib/python*/*-packages"),
    }
    for room in sorted(rooms):
        if any(room.is_relative_to(path) for path in shown):
            yield from (room / name for name in HIDDEN_ROOMS if (room / name).is_dir())


def _environment():
    variables = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/scratch",
        "TMPDIR": "/scratch",
        "LANG": "C.UTF-8",
        "PYTHONPATH": "/edition",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "IPYTHONDIR": "/scratch/ipython",
        "MPLCONFIGDIR": "/scratch/matplotlib",
        "VIRTUAL_ENV": sys.prefix,
    }
    cached = os.environ.get("TORCH_HOME")
    if cached and Path(cached).is_dir():
        yield from ("--ro-bind", cached, "/weights")
        variables["TORCH_HOME"] = "/weights"
    for name, value in variables.items():
        yield from ("--setenv", name, value)


def _user_changing():
    for right in ("CAP_SETUID", "CAP_SETGID", "CAP_KILL"):  # to become nobody, and to end nobody's
        yield from ("--cap-add", right)


def _namespaces():
    """The ways to unshare, best first: as root a real unprivileged user, else a user namespace."""
    apart = ["--unshare-pid", "--unshare-ipc", "--unshare-net", "--unshare-uts"]
    mounting = ["--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN"]
    if os.geteuid() == 0:
        yield [*apart, *mounting, *_user_changing()]
    yield [*apart, "--unshare-user", "--uid", "65534", "--gid", "65534", *mounting]


@lru_cache(maxsize=1)
def isolation():
    """How submissions can be isolated here.

    Returns:
        ``(arguments, why)``: bubblewrap's arguments to unshare, or None and why there are none.
    """
    if not shutil.which("bwrap"):
        return None, "the program bwrap is missing"
    with tempfile.TemporaryDirectory(prefix="isolation-") as exchange:
        for unshare in _namespaces():
            command = [*_walls(exchange), *unshare, sys.executable, "/runner/confinement.py"]
            tried = subprocess.run(command, capture_output=True, text=True)
            if tried.returncode == 0:
                return unshare, ""
    said = tried.stderr.strip().splitlines() or ["no reason was given"]
    return None, said[-1]


def require_isolation(trusted):
    """Refuse to go on without a sandbox, unless submissions are trusted.

    Raises:
        CourseError: with what to install, and what trusting them means.
    """
    unshare, why = (None, "") if trusted else isolation()
    if unshare is None and not trusted:
        raise CourseError(NO_SANDBOX.format(why=why))


class Sandbox:
    """A warm process behind walls; it runs one submission after the other.

    Raises:
        CourseError: this machine offers no isolation, or the process did not start.
    """

    def __init__(self):
        require_isolation(trusted=False)
        unshare, _ = isolation()
        self._folder = tempfile.TemporaryDirectory(
            prefix="sandbox-", dir=workplace(), ignore_cleanup_errors=True
        )
        self._exchange = Path(self._folder.name, "exchange")
        self._exchange.mkdir()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        number = str(theirs.fileno())
        program = [sys.executable, "/runner/warm_parent.py", number]
        self._errors = Path(self._folder.name, "errors")
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [*_walls(self._exchange), *unshare, *program],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        theirs.close()
        if not (self._receive(START_SECONDS) or {}).get("ready"):
            raise CourseError(f"The sandbox did not start: {self._last_words()}")

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
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


_kept = {}  # by process, for a forked one must leave its parent's alone


def sandbox():
    """This process's sandbox, started when first asked for and again when it was lost."""
    kept = _kept.get(os.getpid())
    if kept is None or not kept.alive:
        kept = _kept[os.getpid()] = Sandbox()
        Finalize(None, kept.close, exitpriority=1)  # workers do not come by `atexit`
    return kept
