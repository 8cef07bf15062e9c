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
    """Make the picture of every page under `built`."""
    for page in pages_of(built):
        target = built / picture_path(page.stem)
        target.parent.mkdir(exist_ok=True)
        card(first_figure(page)).save(target, quality=85, optimize=True)


def first_figure(page):
    """The first picture of the page's text that is large enough, or the opening picture."""
    text = page.read_text(encoding="utf-8").partition("<article")[2]
    pictures = (open_picture(page, found["source"]) for found in IMAGE.finditer(text))
    large = (picture for picture in pictures if picture and min(picture.size) >= SMALLEST)
    return next(large, None) or read_picture(OPENING)


def open_picture(page, source):
    """A picture that stands in the page or beside it; None for drawings and other files."""
    if inside := DATA.fullmatch(source):
        return read_picture(io.BytesIO(base64.b64decode(inside["data"])))
    file = page.parent / unescape(source).partition("?")[0]
    is_picture = file.suffix in {".webp", ".jpg", ".jpeg", ".png"} and file.is_file()
    return read_picture(file) if is_picture else None


def read_picture(file):
    with Image.open(file) as picture:
        return picture.convert("RGB")


def card(picture):
    """The whole picture on a white card of SIZE."""
    inner = (SIZE[0] - 2 * MARGIN, SIZE[1] - 2 * MARGIN)
    on_white = Image.new("RGB", SIZE, "white")
    shown = ImageOps.contain(picture, inner, Image.Resampling.LANCZOS)
    on_white.paste(shown, ((SIZE[0] - shown.width) // 2, (SIZE[1] - shown.height) // 2))
    return on_white
