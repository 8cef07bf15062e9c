"""Feedback as a page in which nothing of a student's can run, load, or pose as the grader's.

nbgrader's template shows answers and outputs as they are. Here all Markdown and HTML goes through
bleach, and a content security policy forbids whatever might get past it.
"""

import signal
import threading
from contextlib import contextmanager
from pathlib import Path

import bleach
import nbformat
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbgrader.utils import is_locked
from pygments.token import STANDARD_TYPES
from traitlets import default

TEMPLATES = Path(__file__).parent / "templates" / "feedback"
TAG_NAMES = (
    "a abbr b blockquote br caption code dd del details div dl dt em figcaption figure h1 h2 h3 h4 "
    "h5 h6 hr i img kbd li ol p pre s span strong sub summary sup table tbody td th thead tr ul"
)
PLAIN_ATTRIBUTES = {"img": {"alt", "width", "height", "title"}, "a": {"title"}, "figure": {"style"}}
SAFE_STARTS = {
    ("img", "src"): ("data:image/png;base64,", "data:image/jpeg;base64,"),
    ("a", "href"): ("https://", "http://", "mailto:"),
}
PAGE_SECONDS = 30  # of CPU time; an ordinary page takes less than one
TOO_LONG = "This takes too long to be shown here; it stands in the notebook that was handed in."
COLOURED_CODE = {*STANDARD_TYPES.values(), "highlight", "hl-ipython3", "hl-python"}


def harmless_html(markup):
    """Markup without scripts, styles, foreign pictures and whatever else a page could act on.

    What is taken out stays readable as text.
    """
    return bleach.clean(
        markup.decode() if isinstance(markup, bytes) else str(markup),
        tags=TAG_NAMES.split(),
        attributes=_is_allowed,
        protocols={"http", "https", "mailto", "data"},
        css_sanitizer=CSSSanitizer(allowed_css_properties=["display", "margin"]),
    )


def _is_allowed(tag, name, value):
    if name == "class":  # those of the page's own style sheet could paint a score
        return tag in ("div", "span") and set(value.split()) <= COLOURED_CODE
    if (tag, name) in SAFE_STARTS:
        return value.startswith(SAFE_STARTS[tag, name])
    return name in PLAIN_ATTRIBUTES.get(tag, ())


class TookTooLong(BaseException):
    """The time of `limited` is used up. Not an ``Exception``, lest a library catch it and go on."""


@contextmanager
def limited(seconds):
    """Give up after some CPU time: some Markdown and some code take hours to be read.

    In a thread, which gets no signals, without a limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGPROF, _give_up)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _give_up(number, frame):
    # A weak reference's callback swallows what it raises; the clock strikes again a second later.
    if frame.f_globals.get("__name__") not in ("weakref", "_weakrefset"):
        raise TookTooLong


def _shortened(notebook):
    """A copy in which a sentence stands for whatever a student can have written."""
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        if not is_locked(cell):
            cell.source = TOO_LONG if cell.cell_type == "markdown" else f"# {TOO_LONG}"
            cell.update({"outputs": []} if cell.cell_type == "code" else {})
    return copy


class FeedbackExporter(HTMLExporter):
    """nbgrader's feedback page, with its Markdown and HTML made harmless."""

    def from_notebook_node(self, nb, resources=None, **settings):
        """The page; without a student's own text where that takes too long or is too deep."""
        try:
            with limited(PAGE_SECONDS):
                return super().from_notebook_node(nb, resources, **settings)
        except (TookTooLong, RecursionError):
            return super().from_notebook_node(_shortened(nb), resources, **settings)

    @default("sanitize_html")
    def _sanitize_html_default(self):
        return True

    @default("exclude_anchor_links")
    def _exclude_anchor_links_default(self):
        return True

    @default("template_paths")
    def _template_paths_default(self):
        return [str(TEMPLATES), *self._template_paths()]

    @pass_context
    def markdown2html(self, context, source):
        """Markdown as harmless HTML."""
        return harmless_html(super().markdown2html(context, source))

    def default_filters(self):
        """nbconvert's filters, with ours in place of its own cleaning."""
        yield from super().default_filters()
        yield "clean_html", harmless_html
