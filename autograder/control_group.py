"""Control groups: Linux's bounds on the memory and the threads of several processes together.

Root can make them nearly everywhere, others where they were lent (systemd does so for a session's
programs). Without them, each process's own limits have to do.
"""

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

MOUNTED = Path("/sys/fs/cgroup")
HIERARCHIES = ("", "memory", "pids")  # that of version 2, and those of version 1
PREFIX = "autograder-"
# What is run at last is in all groups from the start.
ENTER = """
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 1; shift; done
shift; exec "$@"
"""
END_SECONDS = 2  # for the last killed process to be gone


def make_control_groups(memory, processes):
    """Make groups whose processes may use so many bytes, and be so many threads, together.

    Returns:
        list of `pathlib.Path`, empty where this machine lends none.
    """
    limits = {"memory.max": memory, "memory.limit_in_bytes": memory, "pids.max": processes}
    made = [_make(parents, limits) for parents in _possible_parents()]
    return [group for group in made if group]


def _possible_parents():
    """By hierarchy where to make a group: in our own, or, as version 2 has it, beside it."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in HIERARCHIES:
                own = MOUNTED / controllers / path.lstrip("/")
                yield (own, own.parent) if path != "/" else (own,)


def _make(parents, limits):
    """A group in the first place that takes one, or None."""
    for parent in parents:
        group = parent / f"{PREFIX}{os.getpid()}-{uuid4().hex}"
        with suppress(OSError):
            _remove_left(parent)
            group.mkdir()
            if _holds(group, limits):
                return group
            group.rmdir()
    return None


def _holds(group, limits):
    """Whether the group took a limit, as its controllers have them, and lets a process in."""
    known = [name for name in limits if (group / name).exists()]
    with suppress(OSError):
        for name in known:
            (group / name).write_text(str(limits[name]), encoding="ascii")
        return bool(known) and _lets_in(group)
    return False


def _lets_in(group):
    tried = subprocess.run([*entering([group]), "true"], capture_output=True)
    return tried.returncode == 0


def entering(groups):
    """The words that run the command whose words follow them as part of some groups."""
    return ["sh", "-c", ENTER, "sh", *map(str, groups), "--"] if groups else []


def remove_control_groups(groups):
    """Remove groups whose processes have been killed."""
    deadline = time.monotonic() + END_SECONDS
    for group in groups:
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
