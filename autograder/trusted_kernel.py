"""Runs a submission's cells in a kernel of their own, without walls: only where it is trusted.

It serves where no sandbox is to be had (see `autograder.sandbox`) and the teacher has said
--trust-submissions. The verdict is given elsewhere all the same, from the evidence alone.
"""

import importlib.util
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from autograder.statuses import KEPT_WAITING, CellStatus, Execution, raised, too_long

GRACE_SECONDS = 3  # for a cell to end after an interrupt
STARTUP_SECONDS = 60
SILENT = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
TIMED_OUT = "CellStopped"
EVIDENCE_LIMIT = 64_000_000  # bytes a file
NO_ANSWERS = """import os, sys
sys.path[:] = [p for p in sys.path if not os.path.isdir(os.path.join(p, "solutions"))]
"""
KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "TORCH_HOME", "VIRTUAL_ENV", "SSL_CERT_FILE")


def run_in_kernel(notebook, examples, evidence, limits, files=None):
    """Execute a copy of the notebook and collect the evidence that its test cells hand in.

    `examples` is the folder with the questions, `evidence` an empty folder of the caller's for
    the answers, `files` a folder whose files stand beside the notebook. Whatever the cells do,
    this returns, and no process that they started is left behind.
    """
    with tempfile.TemporaryDirectory(prefix="submission-", ignore_cleanup_errors=True) as scratch:
        workplace = _workplace(Path(scratch), examples, files)
        client = _client(_bare_copy(notebook), limits, str(Path(scratch, "socket")))
        try:
            statuses = _run_cells(client, limits, workplace)
        finally:
            _kill_marked(workplace["COURSE_EVIDENCE"])
        _collect(Path(workplace["COURSE_EVIDENCE"]), Path(evidence))
    stopped = any(status.outcome == "stopped" for status in statuses)
    return Execution(client.nb, Path(evidence), tuple(statuses), KEPT_WAITING if stopped else "")


def _workplace(scratch, examples, files):
    """Private folders for one submission, and the environment that points there."""
    folders = {name: scratch / name for name in ("notebook", "home", "examples", "evidence", "tmp")}
    shutil.copytree(examples, folders["examples"])
    if files is not None:
        shutil.copytree(files, folders["notebook"], ignore=shutil.ignore_patterns("*.ipynb"))
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    environment = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return environment | {
        "HOME": str(folders["home"]),
        "TMPDIR": str(folders["tmp"]),
        "IPYTHONDIR": str(folders["home"] / "ipython"),
        "MPLCONFIGDIR": _matplotlib_folder(folders["home"]),
        "PYTHONPATH": str(_student_edition(scratch / "edition")),
        "COURSE_EXAMPLES": str(folders["examples"]),
        "COURSE_EVIDENCE": str(folders["evidence"]),
        "PWD": str(folders["notebook"]),
    }


def _student_edition(folder):
    """A folder with `course_lib` alone, and a start-up file that takes the answers off the path.

    An editable install puts the whole checkout on every process's path. Without a sandbox its
    files can still be read by who knows where they lie.
    """
    tools = Path(importlib.util.find_spec("course_lib").origin).resolve().parent
    shutil.copytree(tools, folder / "course_lib")
    (folder / "sitecustomize.py").write_text(NO_ANSWERS, encoding="utf-8")
    return folder


def _matplotlib_folder(home):
    """A private copy of matplotlib's list of fonts, which takes seconds to make anew."""
    from matplotlib import get_cachedir

    folder = home / "matplotlib"
    folder.mkdir()
    for fonts in Path(get_cachedir()).glob("fontlist*.json"):
        shutil.copy(fonts, folder)
    return str(folder)


def _bare_copy(notebook):
    """A copy in which no cell's metadata can steer the execution."""
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        cell.metadata = {}
    return copy


class _CappedClient(NotebookClient):
    """A client that keeps only so much of each cell's output, and no widget state."""

    def __init__(self, notebook, output_characters, sockets, **settings):
        super().__init__(notebook, **settings)
        self.output_characters = output_characters
        self.sockets = sockets
        self.received = Counter()

    def create_kernel_manager(self):
        """A kernel manager that talks through files of ours and opens no port."""
        manager = super().create_kernel_manager()
        manager.transport, manager.ip = "ipc", self.sockets
        return manager

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"].startswith("comm"):
            return None
        if msg["msg_type"] != "status":
            self.received[cell_index] += len(str(msg["content"]))
            if self.received[cell_index] > self.output_characters:
                return None
        return super().process_message(msg, cell, cell_index)


def _client(notebook, limits, sockets):
    log = logging.getLogger("autograder.kernel")
    log.setLevel(logging.CRITICAL)
    return _CappedClient(
        notebook,
        limits.output_characters,
        sockets,
        log=log,
        allow_errors=True,
        startup_timeout=STARTUP_SECONDS,
        interrupt_on_timeout=True,
        iopub_timeout=GRACE_SECONDS,
        raise_on_iopub_timeout=True,
        error_on_timeout={"ename": TIMED_OUT, "evalue": "", "traceback": []},
        shutdown_kernel="immediate",
        store_widget_state=False,
        record_timing=False,
    )


def _run_cells(client, limits, environment):
    """Run cell after cell; once the kernel is lost or the time is up, the rest is not run."""
    positions = [i for i, cell in enumerate(client.nb.cells) if cell.cell_type == "code"]
    statuses = []
    try:
        with client.setup_kernel(env=environment, cwd=environment["PWD"], **SILENT):
            group = client.km.provisioner.pgid
            deadline = time.monotonic() + limits.submission_seconds
            reason = _run_until_lost(client, positions, limits, deadline, statuses)
            _kill_group(group)
    except RuntimeError as error:
        reason = f"the kernel did not start ({error})"
    left = [client.nb.cells[position] for position in positions[len(statuses) :]]
    return statuses + [CellStatus(cell.id, "not run", f"not run: {reason}") for cell in left]


def _run_until_lost(client, positions, limits, deadline, statuses):
    """Append a status per cell that was run; returns why it stopped short, if it did."""
    for position in positions:
        seconds = min(limits.cell_seconds, deadline - time.monotonic())
        if seconds <= 0:
            return f"the {limits.submission_seconds:g} s for the whole notebook were used up"
        status, lost = _run_cell(client, position, seconds)
        statuses.append(status)
        if lost:
            return f"an earlier cell {status.sentence}"
    return ""


def _run_cell(client, position, seconds):
    """Run one cell; returns its CellStatus and whether the kernel is lost."""
    cell = client.nb.cells[position]
    errors = []
    client.timeout_func = lambda _: seconds
    client.on_cell_error = lambda cell, cell_index, execute_reply: errors.append(execute_reply)
    try:
        client.execute_cell(cell, position)
    except DeadKernelError:
        return CellStatus(cell.id, "died", "ended the Python process"), True
    except CellTimeoutError:
        return CellStatus(cell.id, "stopped", too_long(seconds)), True
    return _finished(cell, errors, seconds), False


def _finished(cell, errors, seconds):
    if not errors:
        return CellStatus(cell.id, "done")
    content = errors[-1]["content"]
    if content.get("ename") == TIMED_OUT:
        return CellStatus(cell.id, "stopped", too_long(seconds))
    return CellStatus(cell.id, "error", raised(content.get("ename"), content.get("evalue", "")))


def _kill_group(group):
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _kill_marked(evidence):
    """Kill what left the kernel's process group: it still carries our folder's name."""
    for process in psutil.process_iter(["environ"]):
        if (process.info["environ"] or {}).get("COURSE_EVIDENCE") == evidence:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _collect(handed_in, evidence):
    """Copy the evidence: regular files of a bounded size, links not followed."""
    for file in sorted(handed_in.glob("*.safetensors")):
        if file.is_file() and not file.is_symlink() and file.stat().st_size <= EVIDENCE_LIMIT:
            shutil.copyfile(file, evidence / file.name, follow_symlinks=False)
