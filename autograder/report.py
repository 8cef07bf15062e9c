"""What a teacher reads after grading: a table, one page per chapter, a file for a spreadsheet."""

import base64
import csv
import io
from collections import Counter

from jinja2 import Environment
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from autograder.course import write_atomically
from autograder.records import results

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ chapter }}: results</title>
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
      color: #1a1a1a; background: #fff}
table {border-collapse: collapse; width: 100%}
th, td {border-bottom: 1px solid #767676; padding: .3rem .6rem; text-align: left;
        vertical-align: top; overflow-wrap: break-word}
th[scope=row] {white-space: nowrap}
td.number, th.number {text-align: right}
img {max-width: 100%}
</style></head><body>
<h1>{{ chapter }}: results</h1>
<p>{{ summary }}</p>
<figure><img src="{{ picture }}" alt="{{ alt }}"><figcaption>{{ alt }}</figcaption></figure>
<table><caption>One row per student</caption><thead><tr><th scope="col">student</th>
<th scope="col">status</th>{% for name in exercises %}<th scope="col" class="number">{{ name }}</th>
{% endfor %}<th scope="col" class="number">total</th><th scope="col">recognised mistakes</th>
</tr></thead><tbody>
{% for row in rows %}<tr><th scope="row">{{ row.student }}</th>
<td>{{ row.status }}{% if row.sentence %}: {{ row.sentence }}{% endif %}
{% for repair in row.repairs %}<br>Repaired: {{ repair }}{% endfor %}</td>
{% for name in exercises %}<td class="number">{{ number(row.points.get(name)) }}</td>{% endfor %}
<td class="number">{{ number(row.total) }}</td>
<td>{% for name, key in row.mistakes.items() %}{{ name }}: {{ key }}<br>{% endfor %}</td></tr>
{% endfor %}</tbody></table></body></html>
"""


def number(value):
    """Points as people write them; a dash where there are none."""
    return "–" if value is None else f"{value:.4g}"


def text_table(rows):
    """Results as a table for the terminal."""
    lines = [("student", "chapter", "points", "total", "status", "recognised mistakes")]
    for row in rows:
        points = "  ".join(
            f"{name} {number(value)}/{number(row['max_points'][name])}"
            for name, value in row["points"].items()
        )
        mistakes = ", ".join(row["mistakes"].values())
        lines.append(
            (row["student"], row["chapter"], points, number(row["total"]), _status(row), mistakes)
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    shape = "  ".join(f"{{:{width}}}" for width in widths)
    return "\n".join(shape.format(*line).rstrip() for line in lines)


def _status(row):
    waiting = f" (+ {row['awaiting']:g} await a human)" if row["awaiting"] else ""
    return row["status"] + waiting


def write_report(course, chapter):
    """Write a chapter's self-contained page of results; returns its path."""
    rows = results(course, chapter)
    page = Environment(autoescape=True).from_string(PAGE)
    picture, alt = _histograms(rows)
    exercises = list(dict.fromkeys(name for row in rows for name in row["points"]))
    path = course.root / "report" / f"{chapter}.html"
    write_atomically(
        path,
        page.render(
            chapter=chapter,
            rows=rows,
            exercises=exercises,
            number=number,
            picture=picture,
            alt=alt,
            summary=_summary(rows),
        ),
    )
    return path


def _summary(rows):
    counts = Counter(row["status"] for row in rows)
    statuses = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    waiting = sum(row["awaiting"] for row in rows)
    tail = f"; {waiting:g} points await a human" if waiting else ""
    return f"{len(rows)} students: {statuses}{tail}."


def _histograms(rows):
    """A picture of the points and of the named mistakes, and the same in words."""
    totals = [row["total"] for row in rows if row["points"]]
    mistakes = Counter(key for row in rows for key in row["mistakes"].values())
    figure = Figure(figsize=(10, 3 + 0.12 * len(mistakes)), layout="constrained")
    points, named = figure.subplots(1, 2)
    points.hist(totals or [0], bins=10, color="#3b6ea5", edgecolor="white")
    points.set(title="Points", xlabel="points", ylabel="students")
    points.yaxis.set_major_locator(MaxNLocator(integer=True))
    commonest_on_top = sorted(mistakes, key=mistakes.get)
    named.barh(commonest_on_top, [mistakes[key] for key in commonest_on_top], color="#b35806")
    named.set(title="Recognised mistakes", xlabel="students")
    named.xaxis.set_major_locator(MaxNLocator(integer=True))
    return _data_url(figure), _in_words(totals, mistakes)


def _data_url(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _in_words(totals, mistakes):
    spread = (
        f"Points from {number(min(totals))} to {number(max(totals))}, on average "
        f"{number(sum(totals) / len(totals))}"
        if totals
        else "No points yet"
    )
    named = ", ".join(f"{key} {count}" for key, count in mistakes.most_common())
    return f"{spread}. Recognised mistakes: {named or 'none'}."


def csv_table(rows):
    """Results as quoted CSV, one line per student and chapter, with formulas defused."""
    columns = ["assignment", "student_id", "status", "score", "max_score", "awaiting", "mistakes"]
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        mistakes = "; ".join(f"{name}: {key}" for name, key in row["mistakes"].items())
        highest = sum(row["max_points"].values())
        values = [row["chapter"], row["student"], row["status"], row["total"], highest]
        writer.writerow([_defused(str(v)) for v in [*values, row["awaiting"], mistakes]])
    return stream.getvalue().rstrip("\n")


def _defused(text):
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
