"""Walls of bubblewrap: a file view and namespaces, as Linux lends them to root and to others."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from autograder import file_view
from autograder.control_group import entering, make_control_groups, remove_control_groups
from autograder.walls import REAL_USER, USER_NAMESPACE, Walls

APART = ("--unshare-pid", "--unshare-ipc", "--unshare-net", "--unshare-uts")
MOUNTING = ("--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN")
# To become nobody, and to end nobody's processes.
USER_CHANGING = ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_KILL")
NOBODY = ("--unshare-user", "--uid", "65534", "--gid", "65534")
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


@dataclass(frozen=True)
class Bubblewrap:
    """A way to build walls.

    Attributes:
        word: for records; see `autograder.walls`.
        unshare: bubblewrap's arguments for namespaces and rights.
    """

    word: str
    unshare: tuple

    def build(self, exchange, memory, processes):
        """Walls for one sandbox; see `autograder.walls`."""
        groups = make_control_groups(memory, processes)
        command = [*entering(groups), *_view(exchange), *self.unshare]
        return Walls(command, lambda: remove_control_groups(groups))


def bubblewraps():
    """The ways that may work here, best first: as root a real unprivileged user."""
    if not shutil.which("bwrap"):
        return
    if os.geteuid() == 0:
        yield Bubblewrap(REAL_USER, (*APART, *MOUNTING, *USER_CHANGING))
    yield Bubblewrap(USER_NAMESPACE, (*APART, *NOBODY, *MOUNTING))


def _view(exchange):
    """bubblewrap's arguments for the file view and the environment."""
    places = [(path, path) for path in (*file_view.same_places(), *file_view.processor())]
    places += file_view.other_places(exchange)
    arguments = ["bwrap", "--die-with-parent", "--new-session", "--clearenv", "--chdir", "/"]
    for folder in _parents([*(there for _, there in places), *DEVICES]):
        arguments += ["--perms", "0755", "--dir", folder]  # bubblewrap's own are for root alone
    for here, there in places:
        arguments += ["--ro-bind", here, there]
    for name, target in file_view.top_folders():
        arguments += ["--symlink", target, name] if target else ["--ro-bind", name, name]
    for device in DEVICES:
        arguments += ["--dev-bind", device, device]
    for folder in file_view.hidden_folders():
        arguments += ["--tmpfs", folder]
    for name, value in file_view.variables().items():
        arguments += ["--setenv", name, value]
    return [*arguments, "--tmpfs", "/scratch", "--remount-ro", "/"]


def _parents(paths):
    """The folders that lead to some paths, outermost first."""
    return sorted({str(parent) for path in paths for parent in Path(path).parents} - {"/"})
