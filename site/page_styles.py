"""One style sheet in place of the theme's and extensions' many, with the rules that pages use."""

import hashlib
import os
import re
from pathlib import PurePosixPath

from vendor_scripts import run_tool

LINKS = re.compile(r'(?:\s*<link (?=[^>]*rel="stylesheet")[^>]*>)+')
ADDRESS = re.compile(r'href="([^"?]+)')
IMPORT = re.compile(r"""@import (?:url\()?["']([^"']+)["']\)?;""")
URL = re.compile(r"""url\(["']?(?!data:|#|["'])([^"')]+)["']?\)""")
FOLDER = PurePosixPath("_static")
OUR_OWN = ("course.css", "pygments.css")  # whole: another edition or a script may use more of them


def join_styles(pages, folder):
    """The pages {file: HTML} with their neighbouring style sheets joined into one."""
    made = {}

    def join(match, file):
        sheets = tuple(
            os.path.relpath(file.parent / address, folder) for address in ADDRESS.findall(match[0])
        )
        if sheets not in made:
            made[sheets] = _write(sheets, folder)
        address = os.path.relpath(folder / made[sheets], file.parent)
        return f'\n    <link rel="stylesheet" href="{address}" />'

    return {
        file: LINKS.sub(lambda match, file=file: join(match, file), html)
        for file, html in pages.items()
    }


def _write(sheets, folder):
    css = run_tool("used_styles", folder, given="".join(_read(name, folder) for name in sheets))
    target = FOLDER / f"styles-{hashlib.sha256(css.encode()).hexdigest()[:12]}.css"
    (folder / target).write_text(css, encoding="utf-8")
    return target


def _read(name, folder):
    """A sheet with those that it imports, its addresses as seen from FOLDER."""
    place = PurePosixPath(name).parent
    css = (folder / name).read_text(encoding="utf-8")
    if PurePosixPath(name).name in OUR_OWN:
        css = f"/* purgecss start ignore */\n{css}\n/* purgecss end ignore */\n"
    css = IMPORT.sub(lambda match: _read(os.path.normpath(place / match[1]), folder), css)
    return URL.sub(lambda match: f"url({os.path.relpath(place / match[1], FOLDER)})", css)
