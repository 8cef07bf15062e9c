"""The theme's icons reduced to those in use: of 1,400 a page shows about twenty."""

import re

from fontTools import subset

FONTS = "_static/vendor/fontawesome/webfonts"
STYLES = "_static/styles/pydata-sphinx-theme.css"
SOLID = "fa-solid-900"
NAME = re.compile(r"\bfa-[a-z0-9-]+")
RULE = re.compile(r'(?:\.fa-[a-z0-9-]+:{1,2}before,?)+\{content:"[^"]*"\}')
SOURCES = re.compile(rf"src:url\([^)]*{SOLID}\.woff2\)[^;}}]*")
ESCAPED = re.compile(r"\\([0-9a-f]{4})")
PRIVATE = re.compile("[\ue000-\uf8ff]")


def reduce_icons(folder):
    """Drop the rules of unused icons from the theme's styles, and their glyphs from its font."""
    used = _names_in_use(folder)
    styles = folder / STYLES
    css = RULE.sub(
        lambda rule: rule[0] if used & set(NAME.findall(rule[0])) else "",
        styles.read_text(encoding="utf-8"),
    )
    css, count = SOURCES.subn(f'src:url(../vendor/fontawesome/webfonts/{SOLID}.woff) format("woff")', css)
    if not count:
        raise ValueError(f"{STYLES} does not load {SOLID}.woff2: the theme draws icons otherwise.")
    styles.write_text(css, encoding="utf-8")
    _reduce_font(folder / FONTS / SOLID, _characters(folder))


def _names_in_use(folder):
    files = [*folder.rglob("*.html"), *folder.rglob("*.js")]
    return {name for file in files for name in NAME.findall(file.read_text(encoding="utf-8"))}


def _characters(folder):
    """The icons that styles draw, as code points."""
    sheets = [file.read_text(encoding="utf-8") for file in folder.rglob("*.css")]
    escaped = {int(code, 16) for css in sheets for code in ESCAPED.findall(css)}
    return escaped | {ord(character) for css in sheets for character in PRIVATE.findall(css)}


def _reduce_font(font, characters):
    """Write font.woff with the glyphs of `characters` out of font.ttf."""
    options = subset.Options(flavor="woff")
    loaded = subset.load_font(font.with_suffix(".ttf"), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(loaded)
    subset.save_font(loaded, font.with_suffix(".woff"), options)
