"""The report is self-contained, says in words what it shows in bars, and trusts no student."""

import pytest

from autograder import find_exercise, judge, report
from autograder.clusters import normalised, without_numbers
from autograder.course import Course
from autograder.misconceptions import misconceptions, steps

NAME = "compute_saliency_maps"
EVIL = "<script>alert(1)</script>"
MISTAKES = {mistake.key: mistake.function for mistake in find_exercise(NAME).mistakes}
NOT_WRITTEN = {
    "points": 0.0,
    "max_points": 6.0,
    "mistake": None,
    "message": "Not written yet: the cell is as it was handed out.",
    "rungs": [],
}
WALLS = {"walls": "real user"}


def ones(X, y, model):
    """Nobody's known mistake."""
    return X.detach()[:, 0] * 0 + X.detach().amax()


def verdict(function, seed):
    """What the judge says, as the records have it."""
    kept = judge(NAME, function, seed).to_dict()
    return {key: kept[key] for key in ("points", "max_points", "mistake", "message", "rungs")}


def row(student, status="graded", **changes):
    """One row of results, by default of a student without points."""
    usual = {
        "student": student,
        "chapter": "saliency",
        "status": status,
        "sentence": "",
        "points": {},
        "max_points": {},
        "total": 0,
        "awaiting": 0,
        "mistakes": {},
        "repairs": [],
        "overrides": {},
    }
    return usual | changes


POINTS = {NAME: 6.0, "why": 2.0}
OVERRIDE = {
    "student": "Ada",
    "exercise": NAME,
    "old": 1.8,
    "new": 6.0,
    "by": "ta",
    "time": "2026-01-02T03:04:05+00:00",
    "because": "Right <b>all the same</b>.",
}
ROWS = [
    row(
        "Ada",
        "needs a human",
        sentence="2 points await a human.",
        points={NAME: 6.0, "why": 0.0},
        max_points=POINTS,
        total=6.0,
        awaiting=2.0,
        overrides={NAME: OVERRIDE},
    ),
    row(
        "=cmd|<b>",
        sentence=EVIL,
        points={NAME: 1.8, "why": 0.0},
        max_points=POINTS,
        total=1.8,
        mistakes={NAME: "cross_entropy"},
        repairs=["The locked cell <i> was changed; the original is used."],
    ),
    row("Jonas", "missing", sentence="Nothing was handed in."),
]
CODE = f"def {NAME}(X, y, model):\n    # {EVIL}\n    maps = 0 * X\n    return maps"
RENAMED = f'def {NAME}(X, y, net):\n    """Mine."""\n    m = 0 * X   # so\n    return m'


@pytest.fixture(scope="module")
def records():
    """Verdict records: two with one mistake, two that failed alike, one untouched."""
    made = {
        "Ada": verdict(MISTAKES["cross_entropy"], 1),
        "=cmd|<b>": verdict(MISTAKES["cross_entropy"], 2),
        "Bruno": verdict(lambda X, y, model: -find_exercise(NAME).function(X, y, model), 3),
        "Chioma": verdict(ones, 4),
        "Dmitri": verdict(ones, 5),
        "Elif": NOT_WRITTEN,
    }
    return {
        student: {"status": "graded", "exercises": {NAME: found}} | WALLS
        for student, found in made.items()
    }


@pytest.fixture
def page(tmp_path, monkeypatch, records):
    """The page of a class with these results."""
    sources = {"Chioma": CODE, "Dmitri": RENAMED}
    monkeypatch.setattr(report, "results", lambda course, chapter: ROWS)
    monkeypatch.setattr(report, "load_records", lambda course, chapter: records)
    monkeypatch.setattr(report, "_reader", lambda *_: lambda student, _: sources[student])
    path = report.write_report(Course(tmp_path), "saliency")
    return " ".join(path.read_text(encoding="utf-8").split())


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(page):
    assert "default-src 'none'; img-src data:" in page
    assert "http://" not in page and "https://" not in page and "<script" not in page


def test_it_begins_with_what_matters(page):
    lead = page.split('<div class="lead">')[1].split("</div>")[0]
    assert "3 students: 1 needs a human, 1 graded, 1 missing." in lead
    assert "Points from 1.8 to 6 of 8, on average 3.9." in lead
    assert "Recognised most often: cross entropy in" in lead and "by 2 students" in lead
    assert "1 student needs a human; 2 points await one." in lead


def test_what_students_wrote_is_text(page):
    assert EVIL not in page and "&lt;script&gt;" in page
    assert "<i>" not in page and "<b>" not in page and "=cmd|&lt;b&gt;" in page


def test_each_mistake_stands_beside_the_right_picture(page, records):
    found = misconceptions("saliency", records)
    assert [(one.key, one.students) for one in found] == [
        ("cross_entropy", ["Ada", "=cmd|<b>"]),
        ("sign", ["Bruno"]),
    ]
    theirs, expected = found[0].pictures
    assert theirs != expected and len(theirs) == len(expected)
    assert found[1].pictures is None and "right but the sign" in found[1].says
    cards = page.split('<section class="card" id="mistake-')[1:]
    assert cards[0].count("data:image/png;base64,") == 3
    assert 'alt="' in cards[0] or "alt='" in cards[0]


def test_pictures_do_not_depend_on_students(records):
    """The same from one student's record as from another's: the seeds are other ones."""
    alone = {"Eve": records["=cmd|<b>"]}
    (one, _), (other,) = misconceptions("saliency", records), misconceptions("saliency", alone)
    assert one.pictures == other.pictures


def test_rungs_are_counted_among_those_who_tried(records):
    (found,) = steps("saliency", records)
    assert found.tried == 5
    assert found.reached["runs"] == 5 and found.reached["values"] == 0
    assert found.hardest == "values"


def test_equal_failures_without_a_name_stand_together(page):
    card = page.split("Failures without a name")[1].split("</section>")[0]
    assert "2 students" in card and "the same code: Chioma, Dmitri" in card
    assert "Not reached: values" in card and "To Chioma it was said" in card


def test_who_needs_a_human_and_what_was_changed(page):
    assert "2 points await a human." in page.split("Who needs a human")[1].split("</table>")[0]
    eyes = page.split("For human eyes")[1].split("</table>")[0]
    assert "The locked cell &lt;i&gt; was changed" in eyes and "cheat" not in page


def test_an_override_is_called_one(page):
    table = page.split("<h2>Overrides</h2>")[1].split("</table>")[0]
    assert "1.8 → 6" in table and "Right &lt;b&gt;all the same&lt;/b&gt;." in table
    assert "6*" in page


def test_it_tells_how_submissions_were_isolated(page):
    assert "a submission is a real unprivileged user" in page


def test_a_chapter_that_nobody_handed_in_has_a_page(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "results", lambda course, chapter: ROWS[2:])
    monkeypatch.setattr(report, "load_records", lambda course, chapter: {})
    page = report.write_report(Course(tmp_path), "saliency").read_text(encoding="utf-8")
    assert "No points yet" in page and "nobody tried" in page


def test_the_terminal_table_names_points_and_mistakes():
    header, ada, cmd, jonas = report.text_table(ROWS).splitlines()
    assert "compute_saliency_maps 6/6*  why 0/2" in ada
    assert "needs a human (+ 2 await a human)" in ada
    assert cmd.endswith("cross_entropy")
    assert ada.index("saliency") == header.index("chapter") == jonas.index("saliency")


def test_code_is_compared_without_names_comments_and_layout():
    assert normalised(CODE) == normalised(RENAMED)
    assert normalised(CODE) != normalised(CODE.replace("0 * X", "1 * X"))
    assert normalised("a = b") != normalised("a = c"), "names from elsewhere mean something"
    assert normalised("def f(:  pass") == normalised("def  f(: pass"), "does not parse"
    deep = "(" * 5000 + ")" * 5000
    assert normalised(deep) == deep


def test_sentences_are_compared_without_numbers():
    one = "5 of 210 numbers differ; the worst, at [0, 1, 2], is -1.5e-07 and should be 2."
    other = "210 of 210 numbers differ; the worst, at [4, 3], is 0.2 and should be 0."
    assert without_numbers(one) == without_numbers(other)
