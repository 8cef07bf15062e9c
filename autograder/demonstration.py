"""A class made up for demonstration: right answers, wrong ones, and files that misbehave.

Every submission is made from the released notebooks and comes with what grading must find.
"""

import json
import random
import shutil
from dataclasses import dataclass, field, replace

import nbformat

from autograder.catalogue import chapters, exercises_of, questions_of
from autograder.course import Submission
from autograder.errors import CourseError
from autograder.notebooks import without_marks
from autograder.records import AWAITS, CRASHED, GRADED, STOPPED, UNREADABLE
from autograder.statuses import Limits

CHAPTERS = 2
LIMITS = Limits(cell_seconds=5, submission_seconds=30)
MARK = "This course is a demonstration and is made anew each time.\n"
WORDS = "I would start from the gradient of the score: it says how the score changes.\n"
ENDLESS, CRASH = "    while True:\n        pass", "    import os\n    os._exit(1)"
STUCK = '    raise ValueError("I do not know how to go on")'


@dataclass
class HandIn:
    """One made-up submission and what grading must find.

    Attributes:
        answers: source by grade id.
        mistakes: key of the mistake to be named, by exercise; such an exercise earns less.
        unfinished: names of exercises that earn nothing.
        status: see `autograder.records`.
    """

    submission: Submission
    kind: str
    answers: dict = field(default_factory=dict)
    mistakes: dict = field(default_factory=dict)
    unfinished: tuple = ()
    status: str = GRADED


def prepare(course):
    """Empty the folder of an earlier demonstration; any other folder is left alone."""
    marker = course.root / "DEMONSTRATION"
    if course.root.is_dir() and any(course.root.iterdir()) and not marker.is_file():
        raise CourseError(f"{course.root} holds another course; choose a new --course folder.")
    shutil.rmtree(course.root, ignore_errors=True)
    course.root.mkdir(parents=True)
    marker.write_text(MARK, encoding="utf-8")


def demonstrated_chapters():
    """The chapters that the class works on: the first few."""
    return chapters()[:CHAPTERS]


def hand_in_class(course, seed=0):
    """Write the class's submissions into the course; returns the list of HandIn."""
    first, *_, last = demonstrated_chapters()
    handed_in = [_half("Elif", first), *_oddities(last)]
    for chapter in demonstrated_chapters():
        handed_in += _ordinary(chapter, random.Random(seed))
    for hand_in in handed_in:
        _write(course, hand_in)
    return handed_in


def _ordinary(chapter, pick):
    """Two right ones, of which one answers in words too, and two mistaken ones."""
    mistakes = [(e, mistake) for e in exercises_of(chapter) for mistake in e.mistakes]
    words = {question.name: WORDS for question in questions_of(chapter)}
    ada = _right("Ada", chapter, "the reference")
    return [
        replace(ada, answers=ada.answers | words, status=AWAITS if words else GRADED),
        _right("Farid", chapter, "another right way", 0),
        *(
            _mistaken(student, chapter, *mistake)
            for student, mistake in zip(("Chioma", "Dmitri"), pick.sample(mistakes, 2), strict=True)
        ),
    ]


def _half(student, chapter):
    """The first exercise alone."""
    first, *others = exercises_of(chapter)
    answers = {first.name: _cell(first, first.source)}
    unfinished = tuple(exercise.name for exercise in others)
    return HandIn(Submission(student, chapter), "half of it", answers, unfinished=unfinished)


def _oddities(chapter):
    """Submissions that test the grader rather than the student."""
    return [
        _nothing_earned("Bruno", chapter, "never ends", ENDLESS, STOPPED),
        _nothing_earned("Grace", chapter, "crashes", CRASH, CRASHED),
        _nothing_earned("Hana", chapter, "empty"),
        _nothing_earned("Ines", chapter, "unreadable", status=UNREADABLE),
        _right("Jonas", chapter, "stripped", -1),
        _nothing_earned("Kofi", chapter, "stuck", STUCK),
        _nothing_earned("Lena", chapter, "stuck in the same place", f"    # help!\n{STUCK}"),
        _with_changed_check(_right("Mira", chapter, "changed check")),
    ]


def _nothing_earned(student, chapter, kind, body=None, status=GRADED):
    """A submission without points: its first exercise has this body, the others none."""
    exercises = exercises_of(chapter)
    head = exercises[0].stub.partition("    # TODO")[0]
    return HandIn(
        Submission(student, chapter),
        kind,
        answers={exercises[0].name: head + body} if body else {},
        unfinished=tuple(exercise.name for exercise in exercises),
        status=status,
    )


def _cell(exercise, source):
    return f"{exercise.imports}\n\n\n{without_marks(source)}"


def _right(student, chapter, kind, variant=None):
    """Right answers: the reference's, or a variant where an exercise has one."""
    answers = {}
    for exercise in exercises_of(chapter):
        other = variant is not None and exercise.variants
        source = exercise.variants[variant].source if other else exercise.source
        answers[exercise.name] = _cell(exercise, source)
    return HandIn(Submission(student, chapter), kind, answers)


def _mistaken(student, chapter, exercise, mistake):
    hand_in = _right(student, chapter, f"mistake {mistake.key}")
    hand_in.answers[exercise.name] = _cell(exercise, mistake.source)
    hand_in.mistakes = {exercise.name: mistake.key}
    return hand_in


def _with_changed_check(hand_in):
    first, *_ = exercises_of(hand_in.submission.chapter)
    hand_in.answers[f"check_{first.name}"] = f"{first.points}  # all right"
    return hand_in


def _write(course, hand_in):
    where = hand_in.submission
    notebook = nbformat.read(course.notebook("release", where.chapter), 4)
    for cell in notebook.cells:
        cell.source = hand_in.answers.get(cell.id, cell.source)
    text = nbformat.writes(notebook)
    if hand_in.kind == "unreadable":
        text = text[: len(text) // 2]
    if hand_in.kind == "stripped":
        text = _stripped(text)
    path = course.notebook("submitted", where.chapter, where.student)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _stripped(text):
    """The notebook as some editors save it: no metadata, no cell ids."""
    notebook = json.loads(text) | {"metadata": {}, "nbformat_minor": 4}
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    return json.dumps(notebook)


def differences(handed_in, rows):
    """What grading found otherwise than expected, as sentences; none when all is well."""
    found = {Submission(row["student"], row["chapter"]): row for row in rows}
    return [
        sentence
        for hand_in in handed_in
        for sentence in _differences(hand_in, found[hand_in.submission])
    ]


def _differences(hand_in, row):
    where = f"{hand_in.submission.student}, {hand_in.submission.chapter}"
    if row["status"] != hand_in.status:
        yield f"{where}: the status is {row['status']!r}, not {hand_in.status!r}."
    if row["mistakes"] != hand_in.mistakes:
        yield f"{where}: the mistakes are {row['mistakes']}, not {hand_in.mistakes}."
    for exercise in exercises_of(hand_in.submission.chapter):
        points = row["points"].get(exercise.name)
        if not _as_expected(hand_in, exercise, points):
            yield f"{where}: {exercise.name} earned {points} of {exercise.points}."


def _as_expected(hand_in, exercise, points):
    if points is None or exercise.name in hand_in.unfinished:
        return points == 0
    if exercise.name in hand_in.mistakes:
        return points < exercise.points
    return points == exercise.points
