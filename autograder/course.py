"""The course folder: where things lie in it, how nbgrader is configured there, its secret."""

import fcntl
import hashlib
import hmac
import os
import re
import secrets
import shutil
import sys
import tempfile
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Course as CourseEntry
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import SAWarning, SQLAlchemyError
from traitlets.config import Config, PyFileConfigLoader

from autograder.database import check_database, unreachable
from autograder.errors import CourseError
from autograder.formgrader_view import FILTERS

CONFIG = '''"""nbgrader's settings for this course, written once; add your own below."""

from autograder.course import configure

c = get_config()
configure(c)
'''
STUDENT = re.compile(r"\w([\w.@ -]{0,98}[\w.@-])?")
LONGEST_NAME = 200  # bytes: with an ending, a file's name may have 255
LONGEST_TIMESTAMP = 1000  # bytes
STEPS = "autograder.nbgrader_steps."


def configure(c):
    """Set nbgrader up so that its own commands, formgrader and `autograder` do the same."""
    warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")
    c.GenerateAssignment.preprocessors = [
        "nbgrader.preprocessors.LockCells",
        STEPS + "ClearNamedSolutions",
        "nbgrader.preprocessors.ClearOutput",
        "nbgrader.preprocessors.CheckCellMetadata",
        "nbgrader.preprocessors.ComputeChecksums",
        "nbgrader.preprocessors.SaveCells",
        "nbgrader.preprocessors.ClearHiddenTests",
        "nbgrader.preprocessors.ClearMarkScheme",
        "nbgrader.preprocessors.ComputeChecksums",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    c.ClearSolutions.text_stub = "*Write your answer here.*"
    c.ClearMarkScheme.enforce_metadata = False  # ours stand in locked cells, not in tasks
    c.Autograde.exporter_class = STEPS + "SubmissionExporter"
    c.Autograde.sanitize_preprocessors = [
        STEPS + "Graft",
        "nbgrader.preprocessors.OverwriteKernelspec",
        "nbgrader.preprocessors.OverwriteCells",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    c.Autograde.autograde_preprocessors = [
        STEPS + "Examine",
        "nbgrader.preprocessors.LimitOutput",
        "nbgrader.preprocessors.SaveAutoGrades",
        STEPS + "KeepOverrides",
        STEPS + "SaveComments",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    c.HTMLExporter.filters = FILTERS  # formgrader's
    c.FeedbackExporter.filters = {}  # it has its own, and one limit for the page
    c.GenerateFeedback.exporter_class = "autograder.feedback_page.FeedbackExporter"
    c.GenerateFeedback.preprocessors = [
        "nbgrader.preprocessors.GetGrades",
        STEPS + "HideFromStudents",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]


@dataclass(frozen=True)
class Submission:
    """Whose work on which chapter."""

    student: str
    chapter: str


class LenientDirectory(CourseDirectory):
    """nbgrader's view of the folder, in which an unreadable time of receipt is none."""

    def get_existing_timestamp(self, dest_path):
        received = Path(dest_path, "timestamp.txt")
        try:
            if not received.is_file() or received.stat().st_size > LONGEST_TIMESTAMP:
                return None
            return super().get_existing_timestamp(dest_path)
        except (AttributeError, OSError, OverflowError, ValueError):
            return None


class Course:
    """A course folder. `Course.open` checks that one can work in it before any work is done."""

    def __init__(self, root):
        self.root = Path(root).resolve()

    @classmethod
    def open(cls, root):
        """Make the folder ready; raises CourseError when it cannot be written or is in use."""
        course = cls(root)
        course._check_writable()
        _write_once(course.root / "nbgrader_config.py", CONFIG)
        _put_on_path(Path(sys.executable).parent)
        check_database(course.db_url())
        course._enter_course()
        return course

    @classmethod
    def existing(cls, root):
        """Like `open`, for a course that has been released before."""
        if not (Path(root) / "nbgrader_config.py").is_file():
            raise CourseError(f"{root} is no course folder; run `autograder release` first.")
        return cls.open(root)

    def _check_writable(self):
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.root).close()
        except OSError as error:
            raise CourseError(
                f"The course folder {self.root} cannot be written ({error.strerror}); "
                "choose another with --course, or change its permissions."
            ) from error
        for folder, inside, _ in os.walk(self.root):
            if Path(folder) == self.root and "submitted" in inside:
                inside.remove("submitted")  # one student's folder must not stop the others
            if not os.access(folder, os.W_OK | os.X_OK):
                raise CourseError(f"{folder} cannot be written; change its permissions.")

    def folder(self, step, chapter, student="."):
        """The folder of a chapter in one of nbgrader's steps, for example `release`."""
        return self.root / step / student / chapter

    def notebook(self, step, chapter, student="."):
        """The path of a chapter's notebook in one of nbgrader's steps."""
        return self.folder(step, chapter, student) / f"{chapter}.ipynb"

    def released(self):
        """The chapters that have been released, by name."""
        return sorted(path.stem for path in self.root.glob("release/*/*.ipynb"))

    @contextmanager
    def grading(self):
        """Hold the course for one grading; raises CourseError while another one is at work."""
        with (self.root / "grading.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CourseError(
                    f"Another grading is at work on {self.root}: wait until it has ended."
                ) from None
            yield

    def _enter_course(self):
        """Put the course in the gradebook, as servers insist and nbgrader leaves to SQLite."""
        name = self._nbgrader().course_id
        with self.gradebook() as gradebook:
            gradebook.db.merge(CourseEntry(id=name))
            gradebook.db.commit()

    def _nbgrader(self):
        return CourseDirectory(root=str(self.root), config=self.config())

    def db_url(self):
        """The gradebook's address: SQLite in this folder, or `c.CourseDirectory.db_url`."""
        return self._nbgrader().db_url

    def gradebook(self):
        """nbgrader's gradebook of this course; use it with `with`.

        Raises CourseError where its database cannot be reached.
        """
        url = self.db_url()
        try:
            return Gradebook(url)
        except SQLAlchemyError as error:
            raise unreachable(url, error) from None

    def config(self):
        """nbgrader's configuration as the course folder's file has it."""
        return Config(PyFileConfigLoader("nbgrader_config.py", path=str(self.root)).load_config())

    def directory(self, chapter, student="*"):
        """nbgrader's view of this folder, for one chapter and one or all students."""
        return LenientDirectory(
            root=str(self.root), assignment_id=chapter, student_id=student, config=self.config()
        )

    def seed(self, student, chapter, exercise):
        """The seed for one student's probes: fresh for each, the same at every grading."""
        name = f"{student}/{chapter}/{exercise}".encode()
        return int.from_bytes(hmac.digest(self._secret(), name, hashlib.sha256)[:4])

    def _secret(self):
        path = self.root / ".secret"
        _write_once(path, secrets.token_hex(32), mode=0o600)
        return path.read_bytes()


def _write_once(path, text, mode=0o644):
    """Create a file in one go; a file that is there already stays."""
    if path.exists():
        return
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as new:
        new.write(text)
    os.chmod(new.name, mode)
    try:
        os.link(new.name, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(new.name)


def write_atomically(path, content):
    """Write a text or bytes so that readers see the old file or the new one, never a half."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as new:
        try:
            new.write(content if isinstance(content, bytes) else content.encode("utf-8"))
            new.flush()
            os.chmod(new.name, 0o644)
            os.replace(new.name, path)
        except BaseException:  # the disk may be full, and is not helped by half a file
            os.unlink(new.name)
            raise


def _put_on_path(folder):
    """nbgrader calls `alembic` by name to make a gradebook; it lies beside this Python."""
    if shutil.which("alembic") is None:
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"


def is_student(name):
    """Whether a folder's name can be a student's id (nbgrader uses it as a glob and a path)."""
    return STUDENT.fullmatch(name) is not None and len(name.encode()) <= LONGEST_NAME
