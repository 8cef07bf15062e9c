"""What a teacher reads after grading: a table in the terminal and one page per chapter."""

from collections import Counter
from functools import lru_cache

import nbformat
import numpy as np
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from autograder.clusters import clusters, unexplained
from autograder.course import write_atomically
from autograder.intake import for_human_eyes
from autograder.misconceptions import misconceptions, steps
from autograder.records import GRADED, MISSING, load_records, results
from autograder.statuses import printable
from autograder.walls import NOT_RUN, told
from course_lib.verdict_view import maps_html, with_code

MOST_BINS = 8
LONGEST_SOURCE = 20_000  # characters that are shown


def number(value):
    """Points as people write them; a dash where there are none."""
    return "–" if value is None else f"{value:.4g}"


def text_table(rows):
    """Results as a table for the terminal."""
    lines = [("student", "chapter", "points", "total", "status", "recognised mistakes")]
    for row in rows:
        points = "  ".join(
            f"{name} {number(value)}/{number(row['max_points'][name])}"
            f"{'*' if name in row['overrides'] else ''}"
            for name, value in row["points"].items()
        )
        mistakes = ", ".join(row["mistakes"].values())
        lines.append(
            (row["student"], row["chapter"], points, number(row["total"]), _status(row), mistakes)
        )
    return in_columns(lines)


def in_columns(lines):
    """Rows of texts as lines whose columns stand under one another."""
    lines = [[printable(text) for text in line] for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    shape = "  ".join(f"{{:{width}}}" for width in widths)
    return "\n".join(shape.format(*line).rstrip() for line in lines)


def _status(row):
    waiting = f" (+ {row['awaiting']:g} await a human)" if row["awaiting"] else ""
    return row["status"] + waiting


def write_report(course, chapter):
    """Write a chapter's self-contained page of results; returns its path."""
    rows, records = results(course, chapter), load_records(course, chapter)
    found = {
        "rows": rows,
        "mistakes": misconceptions(chapter, records),
        "steps": steps(chapter, records),
        "clusters": clusters(unexplained(records, _reader(course, chapter))),
        "walls": told({record.get("walls", NOT_RUN) for record in records.values()}),
    }
    path = course.root / "report" / f"{chapter}.html"
    write_atomically(path, _page(chapter, **found))
    return path


def _reader(course, chapter):
    """A function ``(student, exercise) -> str``: what stands in the autograded notebook."""

    @lru_cache(maxsize=1)
    def cells(student):
        path = course.notebook("autograded", chapter, student)
        notebook = nbformat.read(path, 4) if path.is_file() else nbformat.v4.new_notebook()
        return {cell.id: cell.source for cell in notebook.cells}

    return lambda student, exercise: cells(student).get(exercise, "")[:LONGEST_SOURCE]


def _page(chapter, rows, mistakes, steps, clusters, walls):
    environment = Environment(loader=PackageLoader("autograder"), autoescape=True)
    given = [entry for row in rows for entry in row["overrides"].values()]
    handed_in = [row for row in rows if row["status"] != MISSING]
    touched = [(row["student"], for_human_eyes(row["repairs"])) for row in rows]
    return environment.get_template("report.html.j2").render(
        chapter=chapter,
        rows=rows,
        exercises=list(dict.fromkeys(name for row in rows for name in row["points"])),
        lead=_lead(rows, mistakes, steps),
        spread=_spread(rows),
        histogram=_histogram(rows),
        handed_in=len(handed_in),
        named=[_named(place, one, handed_in) for place, one in enumerate(mistakes, 1)],
        mistakes=mistakes,
        steps=steps,
        climbed=_climbed,
        clusters=[one for one in clusters if len(one.failures) > 1],
        alone=[one for one in clusters if len(one.failures) == 1],
        waiting=[row for row in rows if _needs_somebody(row)],
        touched=[(student, changes) for student, changes in touched if changes],
        overrides=sorted(given, key=lambda entry: entry["time"]),
        walls=walls,
        number=number,
        sentence=lambda text: Markup(with_code(text)),
        maps=lambda pictures: Markup(maps_html(pictures, "theirs")),
        words=_words,
    )


def _needs_somebody(row):
    return row["status"] not in (GRADED, MISSING) or row["awaiting"] > 0


def _lead(rows, mistakes, steps):
    """What matters, in a few sentences: the class, what it misunderstood, who waits."""
    counts = Counter(row["status"] for row in rows)
    statuses = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    yield f"{_students(len(rows))}: {statuses}. {_spread(rows)}."
    if mistakes:
        first = mistakes[0]
        yield (
            f"Recognised most often: {_words(first.key)} in `{first.exercise}`, by "
            f"{_students(len(first.students))}. {first.says if first.known else ''}".strip()
        )
    hardest = min((one for one in steps if one.tried), key=_share, default=None)
    if hardest and _share(hardest) < 1:
        yield (
            f"Hardest: “{hardest.hardest}” of `{hardest.exercise}`, reached by "
            f"{hardest.reached[hardest.hardest]} of the {hardest.tried} who tried."
        )
    waiting = [row for row in rows if _needs_somebody(row)]
    points = sum(row["awaiting"] for row in waiting)
    yield (
        f"{_students(len(waiting))} {'needs' if len(waiting) == 1 else 'need'} a human"
        + (f"; {points:g} points await one." if points else ".")
    )


def _words(key):
    """A mistake's key as words."""
    return key.replace("_", " ").replace("+", " and ")


def _students(count):
    return f"{count} {'student' if count == 1 else 'students'}"


def _share(one):
    return one.reached[one.hardest] / one.tried


def _totals(rows):
    return [row["total"] for row in rows if row["points"]]


def _spread(rows):
    totals = _totals(rows)
    if not totals:
        return "No points yet"
    highest = max(sum(row["max_points"].values()) for row in rows)
    return (
        f"Points from {number(min(totals))} to {number(max(totals))} of {number(highest)}, "
        f"on average {sum(totals) / len(totals):.3g}"
    )


def _histogram(rows):
    """Bars of the points in equal steps: (label, count, percent of the longest, count)."""
    totals = _totals(rows)
    highest = max((sum(row["max_points"].values()) for row in rows), default=0) or 1
    edges = MaxNLocator(MOST_BINS, steps=[1, 2, 5, 10]).tick_values(0, max([highest, *totals]))
    counts, _ = np.histogram(totals, edges)
    labels = [f"{low:g} to {high:g}" for low, high in zip(edges, edges[1:], strict=False)]
    bars = zip(labels, counts, strict=True)
    return [(label, n, _percent(n, max(counts)), n) for label, n in bars]


def _percent(part, whole):
    return round(100 * float(part) / (float(whole) or 1.0), 1)


def _named(place, one, handed_in):
    label = Markup('<a href="#mistake-{}">{}</a> <small>{}</small>')
    count = len(one.students)
    shown = label.format(place, _words(one.key), one.exercise)
    return shown, count, _percent(count, len(handed_in)), count


def _climbed(one):
    return [
        (rung, count, _percent(count, one.tried), f"{count} of {one.tried}")
        for rung, count in one.reached.items()
    ]
