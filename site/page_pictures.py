"""Pictures of a page as files beside it, fetched when the reader comes near.

In a notebook every figure carries its own data, which on a page would be paid for unseen.
"""

import base64
import hashlib
import io
import os
import re

from PIL import Image

DATA_URL = re.compile(r"data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/=]+)")
SAVED_STATE = re.compile(
    r'(<script type="application/vnd\.jupyter\.widget-state\+json">.*?</script>)', re.DOTALL
)
TAG = re.compile(r"<img\b[^>]*>")
WIDTH = re.compile(r'\bwidth="(\d+)"')
FOLDER = "_images"
LARGE = 30_000  # bytes; below that a second size saves little
HALF = {"quality": 80, "method": 4}


def move_pictures(html, file, folder):
    """Write the pictures that the page `file` carries to folder/_images; the page with their
    addresses instead. Equal pictures of several pages become one file."""

    def write(picture, kind):
        name = f"{hashlib.sha256(picture).hexdigest()[:16]}.{kind}"
        target = folder / FOLDER / name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(picture)
        return os.path.relpath(target, file.parent).replace(os.sep, "/")

    # Frames in the saved state are shown when they are chosen: nothing about them is lazy.
    parts = SAVED_STATE.split(html)
    parts[::2] = [_load_lazily(part, write) for part in parts[::2]]
    return DATA_URL.sub(lambda match: write(_bytes(match), match[1]), "".join(parts))


def _bytes(data_url):
    return base64.b64decode(data_url[2])


def _load_lazily(html, write):
    """All pictures that carry their data wait for the reader, but for the first of the page."""
    seen = []

    def rewrite(match):
        data = DATA_URL.search(match[0])
        if not data:
            return match[0]
        tag = re.sub(r'\s(?:decoding|loading)="[^"]*"', "", match[0])
        when = 'loading="lazy" decoding="async"' if seen else 'fetchpriority="high"'
        seen.append(tag)
        return f"<img {when}{_sizes(tag, data, write)}{tag.removeprefix('<img')}"

    return TAG.sub(rewrite, html)


def _sizes(tag, data, write):
    """What a tag lacks: width and height, so that nothing jumps when the picture comes; and a
    picture with half the pixels, for screens that would show no more."""
    with Image.open(io.BytesIO(_bytes(data))) as picture:
        shown = WIDTH.search(tag)
        if not shown:
            return f' width="{picture.width}" height="{picture.height}"'
        width = int(shown[1])
        if len(data[2]) < LARGE or picture.width < 2 * width:
            return ""
        half = io.BytesIO()
        size = (width, round(picture.height * width / picture.width))
        picture.resize(size, Image.Resampling.LANCZOS).save(half, "webp", **HALF)
    small = f"{write(half.getvalue(), 'webp')} {width}w"
    large = f"{write(_bytes(data), data[1])} {picture.width}w"
    return f' srcset="{small}, {large}" sizes="min({width}px, 100vw)"'
