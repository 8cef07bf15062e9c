"""A submitted file, read tolerantly: its cells' kinds, sources and claimed labels, no more."""

import codecs
import json
from dataclasses import dataclass, field
from pathlib import Path

from autograder.plain_files import TooLarge, read_plain

SIZE_LIMIT = 100_000_000
MOST_VALUES = 2_000_000  # in all of the file: each takes some hundred bytes of memory
MOST_CELLS, MOST_CHARACTERS = 2000, 5_000_000  # of text that people wrote
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Unreadable(Exception):
    """The file is no notebook; the text is a sentence for student and teacher."""


@dataclass(frozen=True)
class SubmittedCell:
    """A cell as handed in, with what it claims about itself: read, never believed.

    Attributes:
        kind: "code" or "markdown".
        source, cell_id, grade_id: texts.
        claims: nbgrader's label and the cell's tags, for people to look at.
    """

    kind: str
    source: str
    cell_id: str | None
    grade_id: str | None
    claims: dict = field(default_factory=dict)


def read_submission(path):
    """Read a notebook file of any version into a list of SubmittedCell.

    Raises Unreadable, with a sentence, for a file that is no notebook.
    """
    raw = _raw_cells(_load(Path(path)))
    if len(raw) > MOST_CELLS:
        raise Unreadable(f"The notebook has {len(raw)} cells, more than {MOST_CELLS}.")
    cells = [cell for cell in map(_submitted_cell, raw) if cell is not None]
    if sum(len(cell.source) for cell in cells) > MOST_CHARACTERS:
        raise Unreadable(f"The notebook's cells hold more than {MOST_CHARACTERS} characters.")
    return cells


def _load(path):
    try:
        content = read_plain(path, SIZE_LIMIT)
        _check_values(content)
        return json.loads(_decode(content))
    except TooLarge as error:
        size = path.stat().st_size // 1_000_000
        raise Unreadable(
            f"The file has {size} MB; please clear the outputs and save it again."
        ) from error
    except OSError as error:
        raise Unreadable(f"The file cannot be opened ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable(
            "The file is not a notebook: it holds no valid JSON. It may be cut off "
            "or carry the marks of a merge."
        ) from error


def _check_values(content):
    """Refuse what would need gigabytes once it is read: in JSON a mark parts value from value."""
    if sum(map(content.count, (b",", b":", b"[", b"{"))) > MOST_VALUES:
        raise Unreadable(
            f"The file holds more than {MOST_VALUES} values; please clear the outputs and save it "
            "again."
        )


def _decode(content):
    for mark, encoding in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content.decode(encoding)
    return content.decode("utf-8")


def _raw_cells(notebook):
    """The cells of format 4, or those of the worksheets of format 3 and older."""
    notebook = notebook if isinstance(notebook, dict) else {}
    lists = [notebook.get("cells")]
    if isinstance(notebook.get("worksheets"), list):
        lists += [sheet.get("cells") for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
    lists = [cells for cells in lists if isinstance(cells, list)]
    if not lists:
        raise Unreadable("The file is not a notebook: it has no list of cells.")
    return [cell for cells in lists for cell in cells if isinstance(cell, dict)]


def _submitted_cell(cell):
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return None
    source = source.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate cannot be saved
    kind = "code" if cell.get("cell_type") == "code" else "markdown"
    metadata = _dict(cell.get("metadata"))
    label = _dict(metadata.get("nbgrader"))
    claims = label | ({"tags": metadata["tags"]} if "tags" in metadata else {})
    return SubmittedCell(kind, source, _text(cell.get("id")), _text(label.get("grade_id")), claims)


def _dict(value):
    return value if isinstance(value, dict) else {}


def _text(value):
    return value if isinstance(value, str) else None
