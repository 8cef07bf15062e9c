"""Files that students handed in are read only where they are plain: nothing is followed.

A submission's folder may change between a look at it and the reading, so that what counts is the
opened file.
"""

import errno
import os
import stat
from pathlib import Path

NOT_WAITING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe would keep one waiting


class TooLarge(OSError):
    """The file has more bytes than are read."""


def read_plain(path, most):
    """The bytes of a plain file, at most so many.

    Raises:
        TooLarge: it has more.
        OSError: it is a link, a pipe or a device, or cannot be read.
    """
    with os.fdopen(os.open(path, NOT_WAITING), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "no plain file", str(path))
        content = b"" if found.st_size > most else file.read(most + 1)  # it may grow meanwhile
    if found.st_size > most or len(content) > most:
        raise TooLarge(errno.EFBIG, f"larger than {most} bytes", str(path))
    return content


def everything_in(folder):
    """The paths of all that lies in a folder, however deep; links are not followed.

    Raises:
        OSError: a folder in it cannot be looked into.
    """
    for place, folders, files in os.walk(folder, onerror=_complain):
        yield from (Path(place, name) for name in folders + files)


def _complain(error):
    raise error


def is_plain(path):
    """Whether it is a file or a folder, and no link, pipe or device."""
    mode = path.lstat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
