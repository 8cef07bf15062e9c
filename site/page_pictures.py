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
FOLDER = "_images"


def move_pictures(html, file, folder):
    """Write the pictures that the page `file` carries to folder/_images; the page with their
    addresses instead. Equal pictures of several pages become one file."""

    def move(match):
        kind, data = match.groups()
        return _write(base64.b64decode(data), kind, file, folder)

    # Frames in the saved state are shown when they are chosen: nothing about them is lazy.
    parts = SAVED_STATE.split(html)
    parts[::2] = [_load_lazily(part) for part in parts[::2]]
    return DATA_URL.sub(move, "".join(parts))


def _write(picture, kind, file, folder):
    name = f"{hashlib.sha256(picture).hexdigest()[:16]}.{kind}"
    target = folder / FOLDER / name
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(picture)
    return os.path.relpath(target, file.parent).replace(os.sep, "/")


def _load_lazily(html):
    """All pictures that carry their data wait for the reader, but for the first of the page."""
    seen = []

    def rewrite(match):
        data = DATA_URL.search(match[0])
        if not data:
            return match[0]
        tag = re.sub(r'\s(?:decoding|loading)="[^"]*"', "", match[0])
        when = 'loading="lazy" decoding="async"' if seen else 'fetchpriority="high"'
        seen.append(tag)
        return f"<img {when}{_size(tag, data)}{tag.removeprefix('<img')}"

    return TAG.sub(rewrite, html)


def _size(tag, data):
    """Width and height of a picture whose tag has none, so that nothing jumps when it loads."""
    if " width=" in tag:
        return ""
    with Image.open(io.BytesIO(base64.b64decode(data[2]))) as picture:
        return f' width="{picture.width}" height="{picture.height}"'
