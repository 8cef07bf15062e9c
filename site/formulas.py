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

FORMULA = re.compile(
    r'(<(span|div) class="(?:[\w-]+ )*math notranslate nohighlight"[^>]*>'
    r'\s*(?:<span class="eqno">.*?</span>)?)(.*?)(</\2>)',
    re.DOTALL,
)
DELIMITERS = {r"\(": r"\)", r"\[": r"\]"}  # none stand around an environment such as align


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
        {"tex": _tex(content), "display": tag == "div"}
        for html in pages.values()
        for _, tag, content, _ in FORMULA.findall(html)
    ]
    drawn = iter(_render(wanted))
    return {
        file: FORMULA.sub(lambda match: f"{match[1]}{next(drawn)}{match[4]}", html)
        for file, html in pages.items()
    }


def _tex(content):
    tex = unescape(content).strip()
    closing = DELIMITERS.get(tex[:2])
    return tex[2:].removesuffix(closing) if closing else tex


def _render(formulas):
    try:
        return json.loads(run_tool("typeset", given=json.dumps(formulas)))
    except subprocess.CalledProcessError as error:
        raise PageError(f"A formula cannot be typeset. {error.stderr.strip()}") from error
