"""A folder for what is at work, which the next process takes away if this one is killed."""

import fcntl
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from functools import lru_cache
from multiprocessing.util import Finalize
from pathlib import Path

PREFIX = "autograder-at-work-"


@lru_cache(maxsize=1)
def workplace():
    """This process's own folder; those that killed processes of ours have left are removed."""
    home = Path(tempfile.gettempdir())
    for left in home.glob(f"{PREFIX}*"):
        with suppress(OSError):
            _remove_if_left(left)
    new = Path(tempfile.mkdtemp(dir=home))
    _lock(new)  # before it has the name by which others look for what was left
    folder = new.rename(home / f"{PREFIX}{new.name}")
    # After the sandbox in it has ended; workers do not come by `atexit`.
    Finalize(None, shutil.rmtree, (folder,), {"ignore_errors": True}, exitpriority=0)
    return folder


def _lock(folder):
    """Hold a folder as long as this process lives. Raises BlockingIOError: another one does."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        raise
    return number


def _remove_if_left(folder):
    """Remove a folder of this user's that no process holds."""
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
        number = _lock(folder)
        shutil.rmtree(folder, ignore_errors=True)
        os.close(number)
