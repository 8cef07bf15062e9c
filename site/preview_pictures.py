"""The pictures of link previews: each page's own first figure, on a card of the usual size."""

import base64
import io
import re
from html import unescape

from PIL import Image, ImageOps
from publishing import ROOT, pages_of

SIZE = (1200, 630)
MARGIN = 30
SMALLEST = 200  # pixels of width or height: smaller pictures are details of a figure
IMAGE = re.compile(r'<img\b[^>]*?\bsrc=(["\'])(?P<source>.*?)\1')
DATA = re.compile(r"data:image/(?:webp|jpeg|png);base64,(?P<data>[A-Za-z0-9+/=]+)")
OPENING = ROOT / "site/opening.jpg"


def picture_path(pagename):
    """Where the picture of a page lies in the site."""
    return f"_previews/{pagename.rpartition('/')[2]}.jpg"


def add_pictures(built):
    """Make the picture of every page under `built`; the opening picture where a page has none."""
    for page in pages_of(built):
        target = built / picture_path(page.stem)
        target.parent.mkdir(exist_ok=True)
        card(first_figure(page) or Image.open(OPENING)).save(target, quality=85, optimize=True)


def first_figure(page):
    """The first picture of the page's text that is large enough, or None."""
    text = page.read_text(encoding="utf-8").partition("<article")[2]
    pictures = (open_picture(page, found["source"]) for found in IMAGE.finditer(text))
    return next((p for p in pictures if p is not None and min(p.size) >= SMALLEST), None)


def open_picture(page, source):
    """A picture that stands in the page or beside it; None for drawings and other files."""
    if inside := DATA.fullmatch(source):
        return Image.open(io.BytesIO(base64.b64decode(inside["data"])))
    file = page.parent / unescape(source).partition("?")[0]
    is_picture = file.suffix in {".webp", ".jpg", ".jpeg", ".png"} and file.is_file()
    return Image.open(file) if is_picture else None


def card(picture):
    """The whole picture on a white card of SIZE."""
    inner = (SIZE[0] - 2 * MARGIN, SIZE[1] - 2 * MARGIN)
    on_white = Image.new("RGB", SIZE, "white")
    shown = ImageOps.contain(picture.convert("RGB"), inner, Image.Resampling.LANCZOS)
    on_white.paste(shown, ((SIZE[0] - shown.width) // 2, (SIZE[1] - shown.height) // 2))
    return on_white
