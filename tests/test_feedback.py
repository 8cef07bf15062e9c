"""Whatever stands in an autograded notebook, its feedback page runs, loads and fakes nothing."""

import nbformat
import pytest
from browser import find_chromium, open_page, start_browser
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder import feedback_page
from autograder.course import Course
from autograder.feedback import write_feedback
from autograder.feedback_page import FeedbackExporter, harmless_html
from course_lib.verdict import Rung, Verdict

pytestmark = pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")
CHAPTER, NAME = "saliency", "compute_saliency_maps"
ELSEWHERE = "http://127.0.0.1:9"
ATTACKS = f"""
The loss is $L = -s_y$.

<script>document.title = "owned"</script>
<img src="{ELSEWHERE}/one.png" onerror="document.title = 'owned'">
<svg onload="document.title = 'owned'"><script>document.title = "owned"</script></svg>
<style>h4 {{display: none}} body::before {{content: "Score: 8 / 8"}}</style>
<div class="panel-heading" style="position: fixed; top: 0"><h4>Score: 8 / 8</h4></div>
<link rel="stylesheet" href="{ELSEWHERE}/x.css"><base href="{ELSEWHERE}/">
<meta http-equiv="refresh" content="0; url={ELSEWHERE}/">
<iframe src="{ELSEWHERE}/" srcdoc="<script>parent.document.title = 'owned'</script>"></iframe>
<object data="{ELSEWHERE}/"></object><form action="{ELSEWHERE}/"><button>Go</button></form>
<a href="javascript:document.title = 'owned'">a</a> ![b]({ELSEWHERE}/two.png)
[c](data:text/html,<script>document.title='owned'</script>)
"""


def labelled(cell, grade_id, **roles):
    """A cell with nbgrader's metadata."""
    label = {"grade": False, "locked": False, "solution": False, "task": False}
    cell.id = grade_id
    cell.metadata.nbgrader = {"grade_id": grade_id, "schema_version": 3} | label | roles
    return cell


def attacking_notebook():
    """An autograded notebook that attacks by answers and outputs."""
    answer = labelled(new_code_cell("import torch"), NAME, solution=True)
    kinds = ("text/html", "image/svg+xml", "text/markdown", "application/javascript")
    answer.outputs = [new_output("display_data", data={kind: ATTACKS}) for kind in kinds]
    words = labelled(new_markdown_cell(ATTACKS), "why", solution=True, grade=True, points=2)
    check = labelled(new_code_cell("check"), f"check_{NAME}", grade=True, locked=True, points=6)
    return new_notebook(cells=[answer, words, check, new_markdown_cell(ATTACKS)])


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The feedback page of a submission that attacks by Markdown, outputs and comments."""
    course, here = Course.open(tmp_path_factory.mktemp("course")), (CHAPTER, CHAPTER)
    with course.gradebook() as gradebook:
        gradebook.add_assignment(CHAPTER)
        gradebook.add_notebook(*here)
        for name in ("why", f"check_{NAME}"):
            gradebook.add_grade_cell(name, *here, max_score=2, cell_type="code")
        for name in ("why", NAME):
            gradebook.add_solution_cell(name, *here)
        gradebook.add_student("Ada")
        gradebook.add_submission(CHAPTER, "Ada")
        gradebook.find_comment(NAME, *here, "Ada").auto_comment = ATTACKS
        gradebook.db.commit()
    path = course.notebook("autograded", CHAPTER, "Ada")
    path.parent.mkdir(parents=True)
    nbformat.write(attacking_notebook(), path)
    (page,) = write_feedback(course, CHAPTER)
    return page


def test_the_page_says_that_nothing_may_be_loaded(page):
    text = page.read_text(encoding="utf-8")
    assert "Content-Security-Policy" in text and "default-src 'none'" in text
    assert "<script" not in text and "MathJax" not in text
    assert "$L = -s_y$" in text, "formulas stay as they were written"


def test_in_a_browser_nothing_runs_nothing_is_loaded_and_no_score_is_painted(page):
    if find_chromium() is None:
        pytest.skip("No Chromium or Chrome on this machine.")
    asked = []

    def listen(tab):
        tab.on("request", lambda request: asked.append(request.url))

    with start_browser() as browser:
        tab = open_page(browser, page.as_uri(), 1280, "light", listen)
        tab.wait_for_timeout(300)
        assert tab.title() == CHAPTER
        assert tab.url == page.as_uri()
        assert not [url for url in asked if url.startswith("http")]
        look = tab.evaluate(
            """() => ({
                painted: getComputedStyle(document.body, '::before').content,
                heading: getComputedStyle(document.querySelector('h4')).display,
                headings: document.querySelectorAll('.rendered_html .panel-heading').length,
                fixed: [...document.querySelectorAll('.rendered_html *')]
                    .filter(e => getComputedStyle(e).position === 'fixed').length,
                links: [...document.querySelectorAll('.rendered_html a, .panel-footer a')]
                    .map(a => a.getAttribute('href'))
                    .filter(href => href && !href.startsWith('http')),
            })"""
        )
    assert look == {"painted": "none", "heading": "block", "headings": 0, "fixed": 0, "links": []}


def test_the_verdicts_pictures_and_coloured_code_stay():
    pictures = ([[1.0, 2.0]], [[1.0, 0.0]])
    verdict = Verdict("x", 0, 1, "m", "Use `abs`, *never* both.", (Rung("runs", True),), pictures)
    kept = harmless_html(verdict._repr_html_())
    assert kept.count('src="data:image/png;base64,') == 3 and "<code>abs</code>" in kept
    assert "<figure style=" in kept
    assert harmless_html('<span class="kn">x</span>') == '<span class="kn">x</span>'


@pytest.mark.parametrize(
    "cell", [new_markdown_cell("[a](" * 20_000), new_code_cell("f'{" * 20_000)], ids=["md", "code"]
)
def test_28_what_takes_hours_to_be_shown_is_left_out_and_said(monkeypatch, cell):
    monkeypatch.setattr(feedback_page, "PAGE_SECONDS", 1)
    verdict = labelled(new_code_cell("check"), "check", grade=True, locked=True, points=6)
    verdict.outputs = [new_output("display_data", data={"text/plain": "All right."})]
    cells = [labelled(cell, "why", solution=True), verdict]
    page, _ = FeedbackExporter().from_notebook_node(new_notebook(cells=cells))
    assert "takes too long to be shown" in page and "All right." in page


CHURN = """
import weakref
class Key: pass
kept, others = weakref.WeakKeyDictionary(), weakref.WeakSet()
while True:
    kept[Key()] = 1
    others.add(Key())
"""


def test_28_the_limit_holds_where_weak_references_swallow_what_is_raised():
    for _ in range(20):
        with pytest.raises(feedback_page.TookTooLong), feedback_page.limited(0.05):
            exec(CHURN, {})
