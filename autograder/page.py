"""A chapter's page: its cells, read from MyST Markdown, and the prose as learners get it."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jupytext.myst import MystMetadataParsingError, myst_to_notebook
from pybtex.database import parse_file

from autograder.errors import CourseError

CHAPTERS = Path(__file__).resolve().parents[1] / "chapters"

CODE_FENCE = re.compile(r"^(`{3,}|~{3,})(?!\{)[^\n]*\n.*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
ROLE = re.compile(r"\{(?P<role>[\w:+-]+)\}`(?P<text>[^`]*)`")
TARGET = re.compile(r"^\([\w.:-]+\)=[ \t]*\n", re.MULTILINE)
TITLE_AND_TARGET = re.compile(r"^(?P<title>.*?)\s*<[^<>]*>$", re.DOTALL)

# Syntax that Jupyter would show as it stands, and what an author does instead.
NOT_FOR_LEARNERS = (
    (re.compile(r"^(`{3,}|~{3,}|:{3,})\{", re.MULTILINE), "a directive"),
    (re.compile(r"^:{3,}", re.MULTILINE), "a directive"),
    (re.compile(r"^\$\$[ \t]*\([\w.:-]+\)", re.MULTILINE), "a labelled equation"),
    (re.compile(r"^%", re.MULTILINE), "a MyST comment"),
    (re.compile(r"\{\{\s*\w+\s*\}\}"), "a substitution"),
    (re.compile(r"\]\((?!https?://|mailto:|#)"), "a link to a file of the site"),
)


@dataclass(frozen=True)
class PageCell:
    """One cell of a page: its kind ("markdown" or "code"), text, tags, name and first line."""

    kind: str
    source: str
    tags: frozenset
    name: str | None
    page: str
    line: int

    def complain(self, sentence):
        """Raise a CourseError that names the page and the line."""
        raise CourseError(f"{self.page}, line {self.line}: {sentence}")


def page_path(chapter, folder=CHAPTERS):
    """The path of a chapter's page; a CourseError lists the pages when there is none."""
    path = Path(folder) / f"{chapter}.md"
    if not path.is_file():
        known = ", ".join(sorted(page.stem for page in Path(folder).glob("*.md"))) or "none"
        raise CourseError(f"There is no page {path.name}; the pages are: {known}.")
    return path


def read_page(path):
    """Read a page into a list of PageCell, those for the site included."""
    path = Path(path)
    try:
        notebook = myst_to_notebook(path.read_text(encoding="utf-8"), add_source_map=True)
    except MystMetadataParsingError as error:
        raise CourseError(f"{path.name}: a cell's metadata cannot be read ({error}).") from error
    cells = zip(notebook.cells, notebook.metadata.source_map, strict=True)
    return [_page_cell(cell, path.name, line + 1) for cell, line in cells]


def _page_cell(cell, page, line):
    tags = frozenset(cell.metadata.get("tags", ()))
    return PageCell(cell.cell_type, cell.source, tags, cell.metadata.get("name"), page, line)


def learner_text(cell, bibliography=None):
    """The prose of a Markdown cell as plain Markdown: roles become words, targets go."""
    pieces, start = [], 0
    for fence in CODE_FENCE.finditer(cell.source):
        pieces += [_prose(cell.source[start : fence.start()], cell, bibliography), fence[0]]
        start = fence.end()
    return "".join(pieces + [_prose(cell.source[start:], cell, bibliography)]).strip()


def _prose(text, cell, bibliography):
    text = TARGET.sub("", text)
    for pattern, what in NOT_FOR_LEARNERS:
        if found := pattern.search(text):
            shown = text[found.start() :].splitlines()[0][:60]
            cell.complain(
                f"{what} ({shown!r}) would show as it stands in the learner's notebook; "
                "write plain Markdown, or tag the cell 'site'."
            )
    return ROLE.sub(lambda role: _plain_role(role, cell, bibliography), text)


def _plain_role(found, cell, bibliography):
    role, text = found["role"], found["text"]
    if role == "term":
        titled = TITLE_AND_TARGET.match(text)
        return titled["title"] if titled else text
    if role in ("cite:t", "cite:p"):
        names = [_citation(key.strip(), role, cell, bibliography) for key in text.split(",")]
        return " and ".join(names) if role == "cite:t" else f"({'; '.join(names)})"
    return cell.complain(
        f"the role {{{role}}} has no plain-text form for the learner's notebook; "
        "only {term}, {cite:t} and {cite:p} do. Reword it, or tag the cell 'site'."
    )


def _citation(key, role, cell, bibliography):
    entries = _bibliography(bibliography or CHAPTERS / "references.bib")
    if key not in entries:
        cell.complain(f"the citation {key!r} is not in references.bib; add it there.")
    names = [
        " ".join(person.prelast_names + person.last_names)
        for person in entries[key].persons.get("author", ())
    ]
    year = entries[key].fields.get("year", "n.d.")
    return f"{_authors(names)} ({year})" if role == "cite:t" else f"{_authors(names)}, {year}"


def _authors(names):
    if len(names) > 2:
        return f"{names[0]} et al."
    return " and ".join(names) or "Anonymous"


@cache
def _bibliography(path):
    if not Path(path).is_file():
        return {}
    return parse_file(str(path)).entries
