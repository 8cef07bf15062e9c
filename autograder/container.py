"""Walls of a container engine, for machines that lend no namespaces to anybody but that engine.

The container is made from nothing: its image holds links alone, and what a sandbox sees of this
machine is mounted into it, read-only.
"""

import hashlib
import io
import resource
import shutil
import subprocess
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from uuid import uuid4

from autograder import file_view
from autograder.walls import CONTAINER, Walls

ENGINES = ("podman", "docker")
OWN_OPTIONS = {"podman": ["--read-only-tmpfs=false", "--no-hosts"], "docker": []}
RIGHTS = ("SYS_ADMIN", "SETUID", "SETGID", "KILL")  # to make namespaces and to become nobody
MOST = {"nofile": (resource.RLIMIT_NOFILE, 1024), "nproc": (resource.RLIMIT_NPROC, 4096)}
ENGINE_SECONDS = 60  # for one answer of it


@dataclass(frozen=True)
class Container:
    """A way to build walls.

    Attributes:
        engine: the program, which has Docker's command line.
        word: for records; see `autograder.walls`.
    """

    engine: str
    word: str = CONTAINER

    def build(self, exchange, memory, processes):
        """Walls for one sandbox; see `autograder.walls`."""
        name = f"autograder-{uuid4().hex}"
        limits = ["--memory", str(memory), "--pids-limit", str(processes), *_limits()]
        options = [*_view(exchange), *_rights(), *limits, *OWN_OPTIONS[self.engine]]
        run = [self.engine, "run", "--rm", "--pull", "never", "--stop-timeout", "0"]
        run += ["--name", name, *options]
        return Walls([*run, _image(self.engine), *_environment()], lambda: self._end(name))

    def _end(self, name):
        """End a container, whose processes are the engine's children and not ours."""
        _ask(self.engine, "rm", "--force", name)


def containers():
    """The ways that may work here."""
    for engine in ENGINES:
        if shutil.which(engine):
            yield Container(engine)


def _view(exchange):
    """The engine's arguments for the file view."""
    places = [(path, path) for path in file_view.same_places()]
    places += file_view.other_places(exchange)
    places += [(path, path) for path, target in file_view.top_folders() if target is None]
    arguments = ["--read-only", "--network", "none", "--ipc", "none", "--workdir", "/"]
    for here, there in places:
        arguments += ["--mount", f"type=bind,source={here},destination={there},readonly"]
    for folder in file_view.hidden_folders():
        arguments += ["--tmpfs", f"{folder}:ro,size=4k,mode=755"]
    return [*arguments, "--tmpfs", "/scratch:rw,size=64m,mode=755"]


def _environment():
    """The words that set the environment: engines add things, among them passwords of proxies."""
    pairs = (f"{name}={value}" for name, value in file_view.variables().items())
    return ["/usr/bin/env", "-i", *pairs]


def _rights():
    arguments = ["--user", "0:0", "--cap-drop", "ALL"]
    for right in RIGHTS:
        arguments += ["--cap-add", right]
    for option in ("no-new-privileges", "seccomp=unconfined", "apparmor=unconfined"):
        arguments += ["--security-opt", option]  # a child's own filter is narrower than theirs
    return [*arguments, "--security-opt", "label=disable"]


def _limits():
    """No more files and processes than this process may have, lest the engine ask for more."""
    for name, (number, most) in MOST.items():
        _, hard = resource.getrlimit(number)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        yield from ("--ulimit", f"{name}={least}:{least}")


@lru_cache(maxsize=4)
def _image(engine):
    """The name of the image that holds links alone, made when the engine has none."""
    content = _links()
    name = f"autograder-links:{hashlib.sha256(content).hexdigest()[:16]}"
    if _ask(engine, "image", "inspect", name).returncode:
        _ask(engine, "import", "-", name, content=content)
    return name


def _links():
    """A tar file with the root's links, the same bytes each time."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for path, target in file_view.top_folders():
            if target is not None:
                link = tarfile.TarInfo(path.lstrip("/"))
                link.type, link.linkname = tarfile.SYMTYPE, target
                tar.addfile(link)
    return file.getvalue()


def _ask(engine, *words, content=None):
    """One answer of the engine; what is wrong shows when the container does not start."""
    with suppress(subprocess.TimeoutExpired):
        return subprocess.run(
            [engine, *words], input=content, capture_output=True, timeout=ENGINE_SECONDS
        )
    return subprocess.CompletedProcess(words, returncode=1)
