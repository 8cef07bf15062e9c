"""What a student handed in, laid on the release's skeleton. Nothing is executed here.

Roles, points and order come from the release alone. From the submission come the sources of
the answers and of the student's own cells; outputs, metadata and attachments are left behind.
"""

import re
from collections import defaultdict
from copy import deepcopy
from dataclasses import dataclass

from nbformat import NotebookNode, v4

from autograder.submission_file import SubmittedCell, Unreadable, read_submission

ROLES = ("grade", "locked", "solution", "task", "points")
LOCKED, LABEL = "The locked cell ", "The label of the cell "


def for_human_eyes(repairs):
    """Those repairs that undid a change of what a student has no reason to change."""
    return [repair for repair in repairs if repair.startswith((LOCKED, LABEL))]


@dataclass(frozen=True)
class Intake:
    """A grafted notebook, what had to be repaired, and why the file could not be read, if so."""

    notebook: NotebookNode
    repairs: list
    unreadable: str | None = None


def take_in(path, release):
    """Read a submitted file and lay it on the release's notebook, whatever it holds."""
    try:
        return Intake(*graft(read_submission(path), release))
    except Unreadable as error:
        return Intake(deepcopy(release), [], str(error))


def graft(cells, release):
    """Lay submitted cells on the release's notebook.

    Returns a new notebook, in the release's order, and the list of repairs as sentences.
    """
    grafting = _Grafting(cells, release)
    return grafting.notebook(), grafting.repairs


class _Grafting:
    """One graft: sorts the submitted cells, picks the answers, then lays them out."""

    def __init__(self, cells, release):
        self.release = release
        self.repairs = []
        self.labelled = {_grade_id(cell): cell for cell in release.cells if _grade_id(cell)}
        self.demonstrations = {
            cell.id: cell.source
            for cell in release.cells
            if cell.cell_type == "code" and not _grade_id(cell)
        }
        self.prose, self.by_source, self.by_place = set(), {}, {}
        self._read_release()
        self.edited = {}
        self.candidates = defaultdict(list)
        self.own = defaultdict(list)
        self._sort(cells)
        self.answers = {
            grade_id: self._answer(grade_id, cell)
            for grade_id, cell in self.labelled.items()
            if _is_solution(cell)
        }

    def _read_release(self):
        """How cells are told apart without labels: by their text, or by the text in front."""
        before = None
        for cell in self.release.cells:
            written = cell.cell_type == "markdown" and _grade_id(cell) and _is_solution(cell)
            if written:
                self.by_place[before] = _grade_id(cell)
            elif _grade_id(cell):
                self.by_source[cell.source] = _grade_id(cell)
            if cell.cell_type == "markdown" and not written:
                self.prose.add(cell.source)
            before = cell.source

    def _sort(self, cells):
        """File each cell as an answer, an edited demonstration or the student's own.

        A student's own cell goes in front of the labelled cell that it preceded.
        """
        waiting, before = [], None
        for cell in cells:
            grade_id = self._label(cell, before)
            before = cell.source
            if grade_id is not None:
                self.own[grade_id] += waiting
                waiting = []
                self.candidates[grade_id].append(cell.source)
                self._compare_label(grade_id, cell.claims)
            elif (place := self._demonstration(cell)) is not None:
                self.edited[place] = cell.source
            elif cell.source.strip() and cell.source not in self.prose:
                waiting.append(cell)
        self.own[None] += waiting

    def _compare_label(self, grade_id, claims):
        """Note where a cell claims another role than the release gave it."""
        given = self.labelled[grade_id].metadata
        right = {key: given["nbgrader"].get(key) for key in ROLES}
        if given["nbgrader"].get("locked"):
            right["tags"] = given.get("tags", [])
        changed = [key for key in right if key in claims and claims[key] != right[key]]
        if changed:
            self.repairs.append(
                f"{LABEL}{grade_id} was changed ({', '.join(changed)}); the original counts."
            )

    def _label(self, cell, before):
        """The grade id: by metadata or, where that was stripped, by what else tells the cell."""
        claims = [cell.grade_id, cell.cell_id, self.by_source.get(cell.source)]
        if cell.kind == "markdown" and cell.source not in self.prose:
            claims.append(self.by_place.get(before))
        return next((claim for claim in claims if claim in self.labelled), None)

    def _demonstration(self, cell):
        if cell.kind != "code":
            return None
        if cell.cell_id in self.demonstrations:
            return cell.cell_id
        free = (
            place
            for place, source in self.demonstrations.items()
            if source == cell.source and place not in self.edited
        )
        return next(free, None)

    def _answer(self, grade_id, stub):
        """The source that counts as the answer, with a repair noted where one had to choose."""
        given = [source for source in self.candidates[grade_id] if source.strip()]
        worked = [source for source in given if source.strip() != stub.source.strip()]
        if stub.cell_type == "code":
            worked = [source for source in worked if _defines(source, grade_id)] or worked
        if len(given) > 1:
            self.repairs.append(
                f"The cell {grade_id} stands {len(given)} times; "
                "the last one that was worked on counts."
            )
        if worked:
            self._keep_the_others(grade_id, given, worked[-1], stub)
            return worked[-1]
        return self._strayed_answer(grade_id, stub) or self._untouched(grade_id, given, stub)

    def _keep_the_others(self, grade_id, given, chosen, stub):
        """A cell that was split may hold a helper: it runs, in front of the answer."""
        kept = [source for source in given if source not in (chosen, stub.source)]
        self.own[grade_id] += [SubmittedCell(stub.cell_type, source, None, None) for source in kept]

    def _strayed_answer(self, grade_id, stub):
        """An answer written in a cell of the student's own, or in one whose label was lost."""
        if stub.cell_type != "code":
            return None
        strays = [
            (place, cell)
            for place, cells in self.own.items()
            for cell in cells
            if cell.kind == "code"
            and _defines(cell.source, grade_id)
            and cell.source.strip() != stub.source.strip()
        ]
        if not strays:
            return None
        place, cell = strays[-1]
        self.own[place].remove(cell)
        self.repairs.append(f"The answer to {grade_id} was found in an unlabelled cell.")
        return cell.source

    def _untouched(self, grade_id, given, stub):
        if not given:
            self.repairs.append(f"The cell {grade_id} is missing.")
        return stub.source

    def notebook(self):
        """The release's cells with the answers in place and the own cells between them."""
        cells = []
        for cell in self.release.cells:
            grade_id = _grade_id(cell)
            cells += self._own_cells(grade_id) if grade_id else []
            if grade_id:
                cells.append(self._labelled_cell(grade_id, cell))
            elif cell.cell_type != "code":
                cells.append(deepcopy(cell))
            elif cell.id in self.edited:
                cells.append(v4.new_code_cell(self.edited[cell.id], id=cell.id))
        cells += self._own_cells(None)
        return v4.new_notebook(cells=cells, metadata=deepcopy(self.release.metadata))

    def _labelled_cell(self, grade_id, cell):
        cell = deepcopy(cell)
        if grade_id in self.answers:
            cell.source = _harmless(cell.cell_type, self.answers[grade_id])
        else:
            self._note_lock(grade_id, cell)
        return cell

    def _note_lock(self, grade_id, cell):
        """Note a locked cell that does not stand as it was released."""
        found = [source.strip() for source in self.candidates[grade_id]]
        if not found:
            self.repairs.append(f"{LOCKED}{grade_id} was deleted; the original is used.")
        elif any(source != cell.source.strip() for source in found):
            self.repairs.append(f"{LOCKED}{grade_id} was changed; the original is used.")

    def _own_cells(self, grade_id):
        new = {"code": v4.new_code_cell, "markdown": v4.new_markdown_cell}
        before = grade_id or "the-end"
        return [
            new[cell.kind](_harmless(cell.kind, cell.source), id=f"own-{number}-{before}"[:64])
            for number, cell in enumerate(self.own[grade_id])
        ]


def _harmless(kind, source):
    """A student's text without HTML, without pictures, and without links but to pages and people.

    A script in it would run in the browser of who grades. That browser also fetches a picture
    unasked, from anywhere: formgrader itself has addresses that act on whoever is logged in.
    """
    if kind != "markdown":
        return source
    source = source.replace("![", "! [")
    source = re.sub(r"<(?=[a-zA-Z/!?])", "< ", source).replace("\\href", "\\ href")
    return re.sub(r"\](?=\(|:)(?!(\(|:\s*)(https?://|mailto:))", "] ", source)


def _grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def _is_solution(cell):
    return cell.metadata["nbgrader"].get("solution", False)


def _defines(source, name):
    """Whether a cell defines a function, also one that does not parse yet."""
    return re.search(rf"^(async )?def {re.escape(name)}\b", source, re.MULTILINE) is not None
