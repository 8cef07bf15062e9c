"""The ways to build a sandbox's walls that this machine has, one of them at a time."""

import os
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from autograder import control_group, isolation, sandbox
from autograder.walls import USER_NAMESPACE


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


def lends_control_groups():
    """Whether this machine does: to root nearly always."""
    groups = control_group.make_control_groups(10**9, 100)
    control_group.remove_control_groups(groups)
    return any(controller in str(group) for group in groups for controller in ("memory", "unified"))


def skip_where_threads_are_unbounded(walls):
    """In a user namespace root stays root, whom only a control group binds."""
    if walls == USER_NAMESPACE and os.geteuid() == 0 and not lends_control_groups():
        pytest.skip("no limit binds root, and this machine lends no control group")


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
