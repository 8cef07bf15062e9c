"""nbgrader's feedback, one HTML file per submission, without what graders alone see."""

from nbgrader.converters import GenerateFeedback
from nbgrader.utils import capture_log

from autograder.errors import CourseError


def write_feedback(course, chapter):
    """Write the feedback for every graded submission of a chapter; returns the files' paths."""
    if not list(course.root.glob(f"autograded/*/{chapter}/{chapter}.ipynb")):
        raise CourseError(f"Nothing of {chapter} has been graded; run `autograder grade` first.")
    converter = GenerateFeedback(
        coursedir=course.directory(chapter), config=course.config(), force=True
    )
    result = capture_log(converter)
    if not result["success"]:
        raise CourseError(f"nbgrader could not write the feedback:\n{result.get('log', '')}")
    return sorted(course.root.glob(f"feedback/*/{chapter}/{chapter}.html"))
