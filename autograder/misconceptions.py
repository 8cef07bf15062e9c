"""What a class has misunderstood: recognised mistakes with their pictures, and rungs reached.

The pictures come from the judge's own wrong answers on examples that are the same each time;
nothing of a student's is in them.
"""

from collections import defaultdict
from dataclasses import dataclass

from autograder.catalogue import exercises_of
from autograder.clusters import tried
from autograder.judge import answers
from autograder.records import UNREADABLE
from course_lib.evidence import observe_lazily
from course_lib.verdict import PARTS

SEED = 0


@dataclass(frozen=True)
class Misconception:
    """A mistake that was recognised.

    Attributes:
        exercise, key: names.
        students: list of those who made it.
        says: sentences that name it.
        pictures: ``(theirs, expected)`` 2-D lists of numbers on one example, or None.
        known: whether it is one of the judge's known mistakes, and not a mere relation to the
            right result such as a factor.
    """

    exercise: str
    key: str
    students: list
    says: str
    pictures: tuple | None = None
    known: bool = True


@dataclass(frozen=True)
class Steps:
    """How far those came who tried an exercise: how many reached each rung, by its name."""

    exercise: str
    tried: int
    reached: dict

    @property
    def hardest(self):
        """The rung that fewest reached."""
        return min(self.reached, key=self.reached.get)


def misconceptions(chapter, records):
    """Every recognised mistake of a chapter, the commonest first.

    Args:
        chapter: its name.
        records: verdict records by student.

    Returns:
        list of `Misconception`.
    """
    exercises = {exercise.name: exercise for exercise in exercises_of(chapter)}
    made = defaultdict(list)
    for student, record in records.items():
        for name, verdict in (record.get("exercises") or {}).items():
            if verdict["mistake"] and name in exercises:
                made[name, verdict["mistake"]].append((student, verdict["message"]))
    found = [_misconception(exercises[name], key, who) for (name, key), who in made.items()]
    return sorted(found, key=lambda one: len(one.students), reverse=True)


def _misconception(exercise, key, who):
    students, messages = zip(*who, strict=True)
    mistake = _known(exercise, key)
    if mistake:
        pictures = _pictures(exercise, mistake)
        return Misconception(exercise.name, key, list(students), mistake.says, pictures)
    says = f"To {students[0]} it was said: {messages[0]}"
    return Misconception(exercise.name, key, list(students), says, known=False)


def _known(exercise, key):
    """The known mistake of this key, or None; a pair's key joins two with a plus sign."""
    mistakes = exercise.mistaken_pairs if "+" in key else exercise.mistakes
    return next((mistake for mistake in mistakes if mistake.key == key), None)


def _pictures(exercise, mistake):
    known = answers(exercise, SEED)
    return known.verdict(observe_lazily(mistake.function, known.examples)).pictures


def steps(chapter, records):
    """How many of those who tried each exercise reached each rung: list of `Steps`."""
    return [_steps(exercise.name, records.values()) for exercise in exercises_of(chapter)]


def _steps(name, records):
    verdicts = [record["exercises"][name] for record in records if name in _exercises(record)]
    verdicts = [verdict for verdict in verdicts if tried(verdict)]
    passed = [r["name"] for verdict in verdicts for r in verdict["rungs"] if r["passed"]]
    return Steps(name, len(verdicts), {rung: passed.count(rung) for rung in PARTS})


def _exercises(record):
    """What was judged; the exercises of a file that could not be read were not tried."""
    return {} if record["status"] == UNREADABLE else record.get("exercises") or {}
