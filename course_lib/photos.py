"""The photographs of the course: all in the public domain or under CC0, with their credits."""

import csv
import difflib
from functools import cache
from html import escape
from pathlib import Path

import numpy as np
import skimage.data
from IPython.display import HTML
from PIL import Image

from course_lib.captioned_figure import image_tag

_FOLDER = Path(__file__).parent / "photos"
_THUMBNAIL = (120, 96)


def available_photos():
    """Names that `load_photo` knows, sorted."""
    return [credit["name"] for credit in photo_credits()]


def load_photo(name):
    """One photograph as a uint8 array (H, W, 3).

    Raises ValueError for an unknown name and FileNotFoundError for a picture that is missing
    from the installation.
    """
    credit = _credits().get(name)
    if credit is None:
        raise ValueError(_unknown(name))
    if not credit["file"]:
        return getattr(skimage.data, name)()
    return _read(_FOLDER / credit["file"])


def photo_credits():
    """One dict a photograph: name, file, shows, licence, author, source (a web address).

    `file` is empty where scikit-image brings the picture; `shows` serves as its alt text;
    `small_class` is the class of CIFAR-10 that it shows, or empty.
    """
    return [dict(credit) for credit in _credits().values()]


def labelled_photos():
    """Photographs for our networks of ten classes: name to the class that the picture shows."""
    return {c["name"]: c["small_class"] for c in photo_credits() if c["small_class"]}


def photo_credits_table():
    """The credits with a thumbnail each, as an HTML table that a notebook cell displays."""
    rows = "".join(_table_row(credit) for credit in photo_credits())
    columns = ("Picture", "Name", "Author", "Licence", "Source")
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    return HTML(
        '<div style="overflow-x: auto"><table class="photo-credits">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


@cache
def _credits():
    with _existing(_FOLDER / "credits.csv").open(encoding="utf-8", newline="") as table:
        return {row["name"]: row for row in csv.DictReader(table)}


def _read(path):
    with Image.open(_existing(path)) as picture:
        return np.array(picture.convert("RGB"))


def _existing(path):
    if path.is_file():
        return path
    raise FileNotFoundError(
        f"{path.name} is missing from the installed course_lib: bring it back by installing the "
        "package again, with the command that installed it and the option --force-reinstall."
    )


def _unknown(name):
    close = difflib.get_close_matches(str(name), available_photos(), n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    return f"There is no photograph {name!r}.{guess} There are: {', '.join(available_photos())}."


def _table_row(credit):
    thumbnail = Image.fromarray(load_photo(credit["name"]))
    thumbnail.thumbnail(_THUMBNAIL)
    source = escape(credit["source"])
    cells = (
        image_tag(thumbnail, credit["shows"]),
        f"<code>{escape(credit['name'])}</code>",
        escape(credit["author"]),
        escape(credit["licence"]),
        f'<a href="{source}">{_site_of(source)}</a>',
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _site_of(source):
    return "Wikimedia Commons" if "commons.wikimedia.org" in source else "scikit-image"
