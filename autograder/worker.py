"""What a worker does, on this machine or another: examine one submission, plain data in and out."""

import hashlib
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from threading import Lock

from autograder.errors import CourseError
from autograder.examination import Task, checks_hash, examine_task
from autograder.isolation import isolation
from autograder.workplace import workplace

_one_at_a_time = Lock()  # a process keeps one sandbox, however many threads it has
_folders = {}


class UnfitWorker(CourseError):
    """A worker that must not examine: the batch is stopped, for it would spoil every submission."""


def examine_here(task, release):
    """Examine a task beside the files of a folder.

    `task` is an `examination.Task` as JSON; returns an `Examination` as JSON.
    """
    with _one_at_a_time:
        return json.dumps(asdict(examine_task(Task(**json.loads(task)), Path(release))))


def examine_there(task, files, checks):
    """Like `examine_here` on a machine that does not have the course folder.

    `files` are the release's contents by name, `checks` the grader's `checks_hash`. Raises
    UnfitWorker where this worker's course differs or a sandbox is wanted and there is none.
    """
    trusted = json.loads(task)["limits"]["trusted"]
    if problem := unfit(checks, trusted):
        raise UnfitWorker(problem)
    return examine_here(task, _laid_out(files))


def unfit(checks, trusted):
    """Why this worker must not examine, in a sentence; "" when it may."""
    if checks != checks_hash():
        return (
            "its course, or its version of torch, is not the grader's: install the same on both "
            "and start the worker again."
        )
    way, why = (True, "") if trusted else isolation()
    if way is None:
        return (
            f"it offers no sandbox ({why}): install bubblewrap there (Debian, Ubuntu: apt-get "
            "install bubblewrap libseccomp2), or say --trust-submissions."
        )
    return ""


def _laid_out(files):
    """A folder with these files, written once for each release and kept while the worker lives."""
    content = hashlib.sha256()
    for name, data in sorted(files.items()):
        content.update(f"{name}\n{len(data)}\n".encode() + data)
    if content.digest() not in _folders:
        folder = tempfile.TemporaryDirectory(prefix="release-", dir=workplace())
        for name, data in files.items():
            path = Path(folder.name, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        _folders[content.digest()] = folder
    return _folders[content.digest()].name
