"""Our steps in nbgrader's pipelines: they serve its own commands, formgrader and ours alike."""

import html
from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import v4
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import (
    ClearHiddenTests,
    ClearMarkScheme,
    ClearSolutions,
    NbGraderPreprocessor,
)
from traitlets import Bool, Float

from autograder.course import Course, Submission
from autograder.errors import CourseError
from autograder.examination import examination
from autograder.exercise import STUB_LINES
from autograder.intake import take_in
from autograder.overrides import confirm
from autograder.records import load_record, save_examination
from autograder.statuses import Limits


class ClearNamedSolutions(ClearSolutions):
    """nbgrader's clearing, with a stub that names the exercise."""

    def preprocess_cell(self, cell, resources, cell_index):
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        self.code_stub = {"python": "\n".join(STUB_LINES).format(name=name)}
        return super().preprocess_cell(cell, resources, cell_index)


class SubmissionExporter(NotebookExporter):
    """Leaves a submitted file to `Graft`: nbformat would refuse what can still be read."""

    def from_filename(self, filename, resources=None, **settings):
        """Convert a notebook file; one of the submitted folder is only named in `resources`."""
        where = resources["nbgrader"]
        directory = self.parent.coursedir
        submitted = directory.format_path(
            directory.submitted_directory, where["student"], where["assignment"]
        )
        if Path(filename).resolve().parent != Path(submitted).resolve():
            return super().from_filename(filename, resources, **settings)
        where["submitted_file"] = filename
        return self.from_notebook_node(v4.new_notebook(), resources, **settings)


class CourseStep(NbGraderPreprocessor):
    """A step that knows the course and whose notebook it has in hand."""

    def course(self):
        """The course folder that the converter works in."""
        return Course(self.parent.parent.coursedir.root)

    def submission(self, resources):
        """Whose notebook of which chapter this is."""
        return Submission(resources["nbgrader"]["student"], resources["nbgrader"]["assignment"])


class Graft(CourseStep):
    """Lays the submission on the release's skeleton; see `autograder.intake`."""

    def preprocess(self, nb, resources):
        where = self.submission(resources)
        release = self.course().notebook("release", where.chapter)
        intake = take_in(resources["nbgrader"]["submitted_file"], nbformat.read(release, 4))
        intake.notebook.metadata["intake"] = {
            "repairs": intake.repairs,
            "unreadable": intake.unreadable,
        }
        return intake.notebook, resources


class Examine(CourseStep):
    """Runs the cells apart, has the evidence judged, and writes the verdicts as outputs."""

    cell_seconds = Float(Limits.cell_seconds, help="Seconds a cell may take.").tag(config=True)
    submission_seconds = Float(
        Limits.submission_seconds, help="Seconds a whole submission may take."
    ).tag(config=True)
    trust_submissions = Bool(
        False, help="Run submissions without a sandbox, with the rights of who grades."
    ).tag(config=True)

    def preprocess(self, nb, resources):
        course, where = self.course(), self.submission(resources)
        limits = Limits(self.cell_seconds, self.submission_seconds, trusted=self.trust_submissions)
        intake = nb.metadata.pop("intake")
        found = examination(course, where, nb, limits, intake["unreadable"])
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs = nbformat.from_dict(found.outputs.get(cell.id, []))
                _check_judged(cell)
        save_examination(course, where, found, **intake)
        return nb, resources


def _check_judged(cell):
    """nbgrader gives full points to a test cell without outputs: there must be a verdict."""
    if utils.is_grade(cell) and not cell.outputs:
        raise CourseError(
            f"The judge knows no exercise for the cell {cell.id}: release the chapter again."
        )


class KeepOverrides(CourseStep):
    """An override stands, unasked, as long as the judge's points are those that it replaced."""

    def preprocess(self, nb, resources):
        course, where = self.course(), self.submission(resources)
        with Gradebook(resources["nbgrader"]["db_url"]) as gradebook:
            name = where.chapter
            notebook = gradebook.find_submission_notebook(name, name, where.student)
            confirm(course, where, notebook.grades)
            gradebook.db.commit()
        return nb, resources


class SaveComments(CourseStep):
    """The judge's message as the automatic comment on each answer."""

    def preprocess(self, nb, resources):
        course, where = self.course(), self.submission(resources)
        exercises = load_record(course, where)["exercises"]
        with Gradebook(resources["nbgrader"]["db_url"]) as gradebook:
            for name, verdict in exercises.items():
                comment = gradebook.find_comment(name, where.chapter, where.chapter, where.student)
                comment.auto_comment = verdict["message"]
            gradebook.db.commit()
        return nb, resources


class HideFromStudents(NbGraderPreprocessor):
    """Takes hidden tests and marking schemes out of the feedback, and markup out of comments."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.tests, self.schemes = ClearHiddenTests(parent=self), ClearMarkScheme(parent=self)

    def preprocess_cell(self, cell, resources, cell_index):
        if utils.is_locked(cell):
            step = self.tests if utils.is_grade(cell) else self.schemes
            step.preprocess_cell(cell, resources, cell_index)
        label = cell.metadata.get("nbgrader", {})
        if label.get("comment"):
            label["comment"] = html.escape(label["comment"], quote=False)
        return cell, resources
