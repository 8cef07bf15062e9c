"""Formulas typeset while the site is built, so that pages need a style sheet and fonts alone.

KaTeX writes each formula twice: for the eye, and as MathML for screen readers.
"""

import json
import re
import subprocess
from html import unescape
from pathlib import Path

from page_error import PageError
from vendor_scripts import find_node

RENDER = Path(__file__).with_name("typeset.js")
INLINE = re.compile(r'(<span class="math[^>]*>)\\\((.*?)\\\)(</span>)', re.DOTALL)
DISPLAY = re.compile(
    r'(<div class="math[^>]*>\s*(?:<span class="eqno">.*?</span>)?)\s*\\\[(.*?)\\\](</div>)',
    re.DOTALL,
)


def typeset(pages, katex):
    """The pages {file: HTML} with every formula typeset; katex: path of katex.min.js.

    Raises PageError for TeX that KaTeX does not understand.
    """
    wanted = [
        {"tex": unescape(formula), "display": pattern is DISPLAY}
        for html in pages.values()
        for pattern in (INLINE, DISPLAY)
        for _, formula, _ in pattern.findall(html)
    ]
    drawn = iter(_render(wanted, katex))

    def replace(match):
        return f"{match[1]}{next(drawn)}{match[3]}"

    return {
        file: DISPLAY.sub(replace, INLINE.sub(replace, html)) for file, html in pages.items()
    }


def _render(formulas, katex):
    result = subprocess.run(
        [find_node(), RENDER, katex.resolve()],
        check=False,
        input=json.dumps(formulas),
        capture_output=True,
        text=True,
    )
    if result.returncode != 0:
        raise PageError(f"A formula cannot be typeset. {result.stderr.strip()}")
    return json.loads(result.stdout)
