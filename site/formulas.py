"""Formulas typeset while the site is built, so that pages need a style sheet and fonts alone.

KaTeX writes each formula twice: for the eye, and as MathML for screen readers. As a Sphinx
extension this module has formulas marked, which it typesets when all pages are written.
"""

import json
import re
import subprocess
from html import unescape

from page_error import PageError
from sphinx.ext import mathjax
from vendor_scripts import run_tool

INLINE = re.compile(r'(<span class="math[^>]*>)\\\((.*?)\\\)(</span>)', re.DOTALL)
DISPLAY = re.compile(
    r'(<div class="math[^>]*>\s*(?:<span class="eqno">.*?</span>)?)\s*\\\[(.*?)\\\](</div>)',
    re.DOTALL,
)


def setup(app):
    # Sphinx's own markup for MathJax, without MathJax.
    app.add_html_math_renderer(
        "katex",
        inline_renderers=(mathjax.html_visit_math, None),
        block_renderers=(mathjax.html_visit_displaymath, None),
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def typeset(pages):
    """The pages {file: HTML} with every formula typeset.

    Raises PageError for TeX that KaTeX does not understand.
    """
    wanted = [
        {"tex": unescape(formula), "display": pattern is DISPLAY}
        for html in pages.values()
        for pattern in (INLINE, DISPLAY)
        for _, formula, _ in pattern.findall(html)
    ]
    drawn = iter(_render(wanted))

    def replace(match):
        return f"{match[1]}{next(drawn)}{match[3]}"

    return {file: DISPLAY.sub(replace, INLINE.sub(replace, html)) for file, html in pages.items()}


def _render(formulas):
    try:
        return json.loads(run_tool("typeset", given=json.dumps(formulas)))
    except subprocess.CalledProcessError as error:
        raise PageError(f"A formula cannot be typeset. {error.stderr.strip()}") from error
