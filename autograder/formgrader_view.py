"""How formgrader shows Markdown and code: as nbconvert does, but never for long.

Formgrader makes a page while it serves nothing else, and some texts take hours to be coloured.
"""

from html import escape

from nbconvert.filters import Highlight2HTML
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from autograder.feedback_page import TookTooLong, limited

CELL_SECONDS = 1  # of CPU time; an ordinary cell takes milliseconds
FILTERS = {
    "markdown2html": f"{__name__}.markdown_for_a_while",
    "highlight_code": f"{__name__}.colours_for_a_while",
}


def markdown_for_a_while(source):
    """Markdown as HTML; as it was typed where that takes too long or is too deep."""
    return _for_a_while(markdown2html_mistune, source)


def colours_for_a_while(source, language="ipython3", metadata=None):
    """Code in colours; without any where that takes too long."""
    return _for_a_while(Highlight2HTML(pygments_lexer=language), source, metadata=metadata)


def _for_a_while(render, source, **settings):
    try:
        with limited(CELL_SECONDS):
            return render(source, **settings)
    except (TookTooLong, RecursionError):
        return f'<div class="highlight"><pre>{escape(source)}</pre></div>'
