"""The ways to build a sandbox's walls that this machine has, one of them at a time."""

from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from autograder import isolation, sandbox


def ways_that_hold(folder):
    """By their word the ways of the ladder that work here."""
    found = {}
    for way in isolation.ladder():
        if way.word not in found and isolation._refused(way, folder) is None:
            found[way.word] = way
    return found


@contextmanager
def only_way(way):
    """Sandboxes are made this one way only; those that are kept are ended before and after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(isolation, "ladder", lambda: [way])
        end_sandboxes()
        yield
        end_sandboxes()


def end_sandboxes():
    """End those that are kept; the next is made anew."""
    isolation.isolation.cache_clear()
    while sandbox._kept:
        sandbox._kept.popitem()[1].close()


def warm_parent(box):
    """The warm process of a sandbox; a container engine's is no descendant of this process."""
    folder = str(box._exchange)
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            first = _is_warm(process) and not _is_warm(process.parent())  # it forks keepers
            if first and folder in Path(f"/proc/{process.pid}/mountinfo").read_text("utf-8"):
                return process
    raise AssertionError("the sandbox has no warm parent")


def _is_warm(process):
    return process.cmdline()[1:2] == ["/runner/warm_parent.py"]
