"""What is told of a submission's run: its limits, how each cell ended, what came out."""

from dataclasses import dataclass
from pathlib import Path

import nbformat

LOST = "the sandbox was lost"
KEPT_WAITING = "its time ran out by the clock"
OUT_OF_MEMORY = ("MemoryError", "can't allocate memory", "Cannot allocate memory")


@dataclass(frozen=True)
class Limits:
    """What a submission may use, and whether it may run without a sandbox.

    Attributes:
        cell_seconds, submission_seconds: of CPU time; without a sandbox, of wall time.
        output_characters: a cell.
        trusted: run it in an ordinary kernel, with the rights of who grades.
    """

    cell_seconds: float = 60
    submission_seconds: float = 240
    output_characters: int = 2_000_000
    trusted: bool = False


@dataclass(frozen=True)
class CellStatus:
    """How a code cell ended: "done", "error", "stopped", "died" or "not run", and a sentence."""

    cell_id: str
    outcome: str
    sentence: str = ""


@dataclass(frozen=True)
class Execution:
    """The executed notebook, the folder with the evidence, each code cell's status, and a doubt.

    The doubt says why the machine, not the submission, may be to blame for how it ended.
    """

    notebook: nbformat.NotebookNode
    evidence: Path
    statuses: tuple
    doubt: str = ""


def printable(text):
    """A text that cannot steer a terminal, turn the line round, or fail to be written."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def raised(name, text):
    """How a cell ended that raised an error of some name with some text."""
    name, text = str(name), str(text).strip()
    if name == "MemoryError" or any(sign in text for sign in OUT_OF_MEMORY):
        return f"ran out of memory ({name})"
    sentence = "raised " + ": ".join([name, *text.splitlines()[:1]])[:300]
    return printable(sentence)


def too_long(seconds):
    """How a cell ended that was not given more time."""
    return f"was stopped after {seconds:.3g} s"
