"""The theme's icon font reduced to the icons in use: of 1,400 pages show about twenty."""

import re

from fontTools import subset

FONTS = "_static/vendor/fontawesome/webfonts"
SOLID = "fa-solid-900"
SOURCES = re.compile(rf"src:\s*url\([^)]*{SOLID}\.woff2\)[^;}}]*")
ESCAPED = re.compile(r"\\([0-9a-f]{4})")
PRIVATE = re.compile("[\ue000-\uf8ff]")


def reduce_icons(sheets, folder):
    """Reduce the font to the icons that the style sheets draw, and have them load it."""
    characters = set()
    for sheet in sheets:
        css = sheet.read_text(encoding="utf-8")
        characters |= {int(code, 16) for code in ESCAPED.findall(css)}
        characters |= {ord(character) for character in PRIVATE.findall(css)}
        source = f'src:url(vendor/fontawesome/webfonts/{SOLID}.woff) format("woff")'
        sheet.write_text(SOURCES.sub(source, css), encoding="utf-8")
    _reduce_font(folder / FONTS / SOLID, characters)


def _reduce_font(font, characters):
    """Write font.woff with the glyphs of `characters` out of font.ttf."""
    options = subset.Options(flavor="woff")
    loaded = subset.load_font(font.with_suffix(".ttf"), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(loaded)
    subset.save_font(loaded, font.with_suffix(".woff"), options)
