"""Run a notebook's cells with IPython's own shell and tell, frame by frame, what came of each."""

import io
import os
import signal
import sys
import time
from pathlib import Path

import matplotlib_inline.backend_inline
from frames import write_frame
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from matplotlib_inline.config import InlineBackend
from nbformat import v4
from traitlets import Type
from traitlets.config import Config

TICK_SECONDS = 0.05  # by which the clock that stops a cell may differ from the one that is read
GRACE_SECONDS = 3  # for a cell to end after it was stopped


class CellStopped(KeyboardInterrupt):
    """Raised in a cell whose time is up."""


class _Stream(io.TextIOBase):
    """What a cell prints, in its place among the other outputs."""

    def __init__(self, name, shell):
        self.name, self.shell = name, shell

    def writable(self):
        return True

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        last = self.shell.outputs[-1] if self.shell.outputs else None
        if self.shell.has_room(text):
            if last is not None and last.get("name") == self.name:
                last["text"].append(text)
            else:
                self.shell.outputs.append(v4.new_output("stream", name=self.name, text=[text]))
        return len(text)


class _Results(DisplayHook):
    """The value of a cell's last line, as an output instead of printed."""

    def start_displayhook(self):
        pass

    def write_output_prompt(self):
        pass

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.show("execute_result", format_dict, md_dict)

    def finish_displayhook(self):
        pass


class _Displays(DisplayPublisher):
    """What a cell displays, as outputs."""

    def publish(self, data, metadata=None, source=None, *, transient=None, update=False, **_):
        self.shell.show("display_data", data, metadata)

    def clear_output(self, wait=False):
        self.shell.outputs.clear()


class CellShell(InteractiveShell):
    """IPython's shell without terminal, kernel, history and keyboard; it keeps a cell's outputs."""

    displayhook_class = Type(_Results)
    display_pub_class = Type(_Displays)

    def begin(self, most_characters):
        """Forget the last cell's outputs."""
        self.outputs, self.room, self.error = [], most_characters, None

    def has_room(self, text):
        """Whether the cell may still put out that much."""
        self.room -= len(text)
        return self.room >= 0

    def show(self, output_type, data, metadata):
        """Add an output."""
        if self.has_room(str(data)):
            self.outputs.append(v4.new_output(output_type, data=data, metadata=metadata or {}))

    def _showtraceback(self, etype, evalue, stb):
        self.error = (etype.__name__, _text_of(evalue))
        if self.has_room("".join(stb)):
            name, text = self.error
            output = v4.new_output("error", ename=name, evalue=text, traceback=list(stb))
            self.outputs.append(output)

    def ask_exit(self):
        """`exit` ends nothing here."""

    def enable_gui(self, gui=None):
        """`%matplotlib inline` asks for it; there is no window to be opened."""

    def system(self, command):
        """Refuse `!command`.

        Raises:
            PermissionError: always.
        """
        raise PermissionError(f"the grader starts no programs, so this was not run: !{command}")

    system_raw = system_piped = getoutput = system


def _text_of(error):
    """An error's message, of which a student may have made anything."""
    try:
        return str(error)
    except Exception:
        return ""


def make_shell():
    """The shell, made before the fork, so that a child finds it ready."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.xmode = "Plain"
    config.InteractiveShell.colors = "NoColor"
    shell = CellShell.instance(config=config)
    shell.begin(0)
    matplotlib_inline.backend_inline.configure_inline_support(
        shell, "module://matplotlib_inline.backend_inline"
    )
    InlineBackend.instance(parent=shell)
    return shell


class _Clock:
    """Stops a cell: first by an exception, and, where that does not end it, by ending all."""

    def __init__(self, say_stopped):
        self.say_stopped, self.fired, self.name = say_stopped, False, ""
        for number in (signal.SIGPROF, signal.SIGALRM):
            signal.signal(number, self._fire)

    def start(self, cpu_seconds, wall_seconds):
        self.fired = False
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds, GRACE_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, wall_seconds, GRACE_SECONDS)

    def stop(self):
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _fire(self, number, frame):
        if frame.f_globals.get("__name__") in ("weakref", "_weakrefset"):
            return  # a weak reference's callback would swallow the exception; the clock goes on
        if self.fired:
            self.say_stopped()
            os._exit(0)
        self.fired, self.name = True, "wall" if number == signal.SIGALRM else "cpu"
        raise CellStopped


class CellRunner:
    """Runs the cells of one notebook in this process.

    Args:
        shell: `CellShell`.
        pipe: file descriptor for the frames.
        evidence: folder into which the checks write.
        limits: dict with `cell_seconds`, `submission_seconds` (of CPU time), `wall_factor` and
            `output_characters`.
    """

    def __init__(self, shell, pipe, evidence, limits):
        self.shell, self.pipe, self.evidence, self.limits = shell, pipe, Path(evidence), limits
        self.clock = _Clock(self._say_stopped)
        self.cell, self.seconds, self.sent = None, 0.0, set()

    def run(self, cells):
        """Run ``(id, source)`` after ``(id, source)``, until the time is used up."""
        sys.stdout, sys.stderr = _Stream("stdout", self.shell), _Stream("stderr", self.shell)
        for self.cell, source in cells:
            left = self.limits["submission_seconds"] - time.process_time()
            if left <= TICK_SECONDS:
                return write_frame(self.pipe, "used up", cell=self.cell)
            self.seconds = min(self.limits["cell_seconds"], left)
            self._run_one(source)
            self._send_evidence()

    def _run_one(self, source):
        write_frame(self.pipe, "begin", cell=self.cell, seconds=self.seconds)
        self.shell.begin(self.limits["output_characters"])
        stopped = False
        try:
            self.clock.start(self.seconds, self.seconds * self.limits["wall_factor"])
            self.shell.run_cell(source, store_history=False)
            self.clock.stop()
        except BaseException as error:
            self.clock.stop()
            stopped = isinstance(error, CellStopped)
        if stopped or (self.shell.error and self.shell.error[0] == "CellStopped"):
            return self._say_stopped()
        self._say("error" if self.shell.error else "done")

    def _say_stopped(self):
        self._say("stopped")

    def _say(self, outcome):
        name, text = self.shell.error or ("", "")
        error = {"ename": name[:200], "evalue": text[:2000], "clock": self.clock.name}
        outputs = v4.new_notebook(cells=[self._as_cell()])
        payload = v4.writes(outputs).encode("utf-8", "replace")
        write_frame(self.pipe, "cell", payload, cell=self.cell, outcome=outcome, **error)

    def _as_cell(self):
        for output in self.shell.outputs:
            if output["output_type"] == "stream":
                output["text"] = "".join(output["text"])
        return v4.new_code_cell("", outputs=self.shell.outputs)

    def _send_evidence(self):
        """Send the files that a check has written since the last cell."""
        for file in sorted(self.evidence.glob("*.safetensors")):
            if file.name not in self.sent and file.is_file() and not file.is_symlink():
                self.sent.add(file.name)
                write_frame(self.pipe, "evidence", file.read_bytes(), name=file.name)
