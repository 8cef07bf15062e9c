"""What a sandbox shows of this machine: Python, the students' edition, the questions. No more.

All of it is read-only, and nobody's name, password or homework is in it.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

INSIDE = Path(__file__).parent / "inside"
HIDDEN_ROOMS = ("autograder", "solutions", "chapters", "training", "tests", "_build", ".git")
# Where torch finds what the processor can do; without it, it converts no half precision.
PROCESSOR = ("/proc/cpuinfo", "/sys/devices/system/cpu")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/fonts")


def same_places():
    """Paths that are seen where they are: the system's programs and libraries, and Python."""
    python = {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
    beside = sorted(str(path) for path in python if not path.is_relative_to("/usr"))
    return ["/usr", *beside, *(path for path in SYSTEM_FILES if Path(path).exists())]


def other_places(exchange):
    """``(here, there)``: what is seen elsewhere, the folder with the questions among it."""
    tools = Path(find_spec("course_lib").origin).resolve().parent
    pairs = [(tools, "/edition/course_lib"), (INSIDE, "/runner"), (exchange, "/exchange")]
    if _cached_weights():
        pairs.append((_cached_weights(), "/weights"))
    return [(str(here), there) for here, there in pairs]


def processor():
    """Paths at which torch finds out what the processor can do."""
    return [path for path in PROCESSOR if Path(path).exists()]


def top_folders():
    """``(path, target)``: what else stands in the root; None as the target of a real folder."""
    for path in map(Path, ("/lib", "/lib64", "/bin", "/sbin")):
        if path.exists():
            yield str(path), os.readlink(path) if path.is_symlink() else None
    if not any(Path(path).is_relative_to("/tmp") for path in same_places()):
        yield "/tmp", "/scratch"


def hidden_folders():
    """Rooms of the course that lie in what is shown, as beside the libraries: not for students.

    Debian's own Python installs into /usr/local, and a checkout may lie there, too.
    """
    rooms = {
        INSIDE.resolve().parents[1],
        *Path(sys.prefix).resolve().glob("lib/python*/*-packages"),
    }
    for room in sorted(rooms):
        if any(room.is_relative_to(path) for path in same_places()):
            yield from (str(room / name) for name in HIDDEN_ROOMS if (room / name).is_dir())


def variables():
    """The whole environment: name to value."""
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
    return variables | ({"TORCH_HOME": "/weights"} if _cached_weights() else {})


def _cached_weights():
    folder = os.environ.get("TORCH_HOME")
    return folder if folder and Path(folder).is_dir() else None
