"""The ladder of walls: the best that this machine allows, found out once."""

import subprocess
import sys
import tempfile
from functools import lru_cache
from itertools import chain

from autograder.bubblewrap import bubblewraps
from autograder.container import containers
from autograder.errors import CourseError
from autograder.walls import NONE
from autograder.workplace import workplace

TRIED_MEMORY = 2**30  # bytes
TRIED_PROCESSES = 100
TRIED_SECONDS = 60
NO_SANDBOX = (
    "This machine offers no sandbox ({why}). Install bubblewrap (Debian, Ubuntu: apt-get install "
    "bubblewrap libseccomp2), or say --trust-submissions: then submissions run as you, and can "
    "read and change whatever you can."
)


def ladder():
    """The ways to build walls that may work here, best first."""
    return chain(bubblewraps(), containers())


@lru_cache(maxsize=1)
def isolation():
    """How submissions can be isolated here.

    Returns:
        ``(way, why)``: what builds the walls, or None and why nothing does.
    """
    why = "neither bwrap nor a container engine is installed"
    with tempfile.TemporaryDirectory(prefix="isolation-", dir=workplace()) as exchange:
        for way in ladder():
            refused = _refused(way, exchange)
            if refused is None:
                return way, ""
            why = refused
    return None, why


def _refused(way, exchange):
    """What was said when the walls did not hold; None when they do."""
    walls = way.build(exchange, TRIED_MEMORY, TRIED_PROCESSES)
    command = [*walls.command, sys.executable, "/runner/confinement.py"]
    quiet = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    try:
        tried = subprocess.run(command, timeout=TRIED_SECONDS, **quiet)
    except subprocess.TimeoutExpired:
        return f"{command[0]} gave no answer within {TRIED_SECONDS} s"
    finally:
        walls.end()
    said = tried.stderr.strip().splitlines() or ["no reason was given"]
    return said[-1] if tried.returncode else None


def require_isolation(trusted):
    """Refuse to go on without a sandbox, unless submissions are trusted.

    Raises:
        CourseError: with what to install, and what trusting them means.
    """
    way, why = (None, "") if trusted else isolation()
    if way is None and not trusted:
        raise CourseError(NO_SANDBOX.format(why=why))


def walls(trusted):
    """The word for the walls that this machine puts around submissions; see `autograder.walls`.

    Args:
        trusted: whether they are run without a sandbox on purpose.
    """
    way = None if trusted else isolation()[0]
    return way.word if way else NONE
