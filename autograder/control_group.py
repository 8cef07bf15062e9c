"""A control group: Linux's bound on the memory that several processes use together.

Root can make one nearly everywhere, others where it was lent to them (systemd does so for a
session's programs). Without one, each process's own limits have to do.
"""

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

MOUNTED = Path("/sys/fs/cgroup")
LIMITS = ("memory.max", "memory.limit_in_bytes")  # of version 2 and of version 1
PREFIX = "autograder-"
ENTER = 'echo $$ > "$0/cgroup.procs" && exec "$@"'  # what is run next is in it from the start
END_SECONDS = 2  # for the last killed process to be gone


def make_control_group(memory):
    """Make a group whose processes may use so many bytes together.

    Returns:
        its `pathlib.Path`; None where this machine lends none.
    """
    for parent in _parents():
        group = parent / f"{PREFIX}{os.getpid()}-{uuid4().hex}"
        with suppress(OSError):
            _remove_left(parent)
            group.mkdir()
            if _holds(group, memory):
                return group
            group.rmdir()
    return None


def _parents():
    """Where a group may be made: in this process's own, or, as version 2 has it, beside it."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in ("memory", ""):
                own = MOUNTED / controllers / path.lstrip("/")
                yield from (own, own.parent) if path != "/" else (own,)


def _holds(group, memory):
    """Whether the group took the limit and lets a process in."""
    with suppress(OSError):
        for name in LIMITS:
            if (group / name).exists():
                (group / name).write_text(str(memory), encoding="ascii")
                tried = subprocess.run([*entering(group), "true"], capture_output=True)
                return tried.returncode == 0
    return False


def entering(group):
    """The words that run the command whose words follow them as part of a group."""
    return ["sh", "-c", ENTER, str(group)]


def remove_control_group(group):
    """Remove a group whose processes have been killed."""
    deadline = time.monotonic() + END_SECONDS
    while group.exists() and time.monotonic() < deadline:
        with suppress(OSError):  # the last one may not be gone yet
            group.rmdir()
        time.sleep(0.01)


def _remove_left(parent):
    """Remove what killed graders have left: a group with a process in it cannot be removed."""
    for left in parent.glob(f"{PREFIX}*-*"):
        with suppress(OSError):
            if not Path("/proc", left.name.split("-")[1]).exists():
                left.rmdir()
