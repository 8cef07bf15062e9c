"""A picture that cannot be shown without its caption and its alternative text."""

import base64
import io
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from pathlib import Path

from PIL import Image

_PIXELS_PER_INCH = 100  # of the page: a matplotlib figure 4.8 inches wide is shown 480 pixels wide
_DENSITY = 2  # stored pixels for each pixel of the page, so that lines stay sharp on phones
_WEBP = {"quality": 80}
_LIGHT_DENSITY = 1.5  # below, the grain of a heat map blurs
_LIGHT_WEBP = {"quality": 70}
_DRAWING = 4096  # at most so many colours: lines and type, which are often smaller without loss


@dataclass(frozen=True)
class CaptionedFigure:
    """A picture with the words that belong to it; a notebook displays it as a figure.

    drawn: the picture as a PIL image; width, height: size on the page in CSS pixels; caption: what
    to see; alt: what a reader who cannot see the picture is told; quality: Pillow's options for
    WebP. An empty caption or alt raises ValueError.
    """

    drawn: Image.Image = field(repr=False)
    width: int
    height: int
    caption: str
    alt: str
    quality: dict = field(default_factory=_WEBP.copy, repr=False)

    def __post_init__(self):
        require_words(self.caption, self.alt)

    @classmethod
    def from_matplotlib(cls, figure, caption, alt):
        """Keep a `matplotlib.figure.Figure`, drawn on white, at 100 page pixels an inch.

        Draw on `matplotlib.figure.Figure(figsize=(4.8, 3.2))` rather than with pyplot: then
        nothing is shown twice or left open, and type of ten points is legible on a phone.
        """
        require_words(caption, alt)
        drawn = _draw(figure, _PIXELS_PER_INCH * _DENSITY)
        size = (round(drawn.width / _DENSITY), round(drawn.height / _DENSITY))
        return cls(drawn, *size, caption, alt)

    @cached_property
    def picture(self):
        """The picture as WebP bytes."""
        return _encode(self.drawn, self.quality)

    def lighter(self):
        """The same figure in half of the bytes, for explorers that hold many of them."""
        size = (round(self.width * _LIGHT_DENSITY), round(self.height * _LIGHT_DENSITY))
        smaller = self.drawn.resize(size, Image.Resampling.LANCZOS)
        return replace(self, drawn=smaller, quality=_LIGHT_WEBP)

    def save(self, path):
        """Write the picture; the suffix says the format: .webp as the page has it, .png, .jpg."""
        path = Path(path)
        if path.suffix == ".webp":
            path.write_bytes(self.picture)
        else:
            self.drawn.save(path)

    def html(self):
        """The figure as one HTML element that carries its own data, all words escaped."""
        image = _image_tag(self.picture, self.width, self.height, self.alt)
        caption = f'<figcaption style="line-height: 1.5">{escape(self.caption)}</figcaption>'
        return f'<figure class="course-figure">{image}{caption}</figure>'

    def _repr_html_(self):
        return self.html()


def require_words(caption, alt):
    """Raise ValueError unless the caption and the alternative text say something."""
    for name, words in (("caption", caption), ("alt", alt)):
        if not isinstance(words, str) or not words.strip():
            raise ValueError(
                f"The figure has no {name}: give {name}='...', a sentence that says what to see."
            )


def image_tag(picture, alt):
    """A PIL image as an HTML `<img>` that carries its own data."""
    return _image_tag(_encode(picture, _WEBP), *picture.size, alt)


def _draw(figure, dpi):
    """The figure as a PIL image, without the detour of an encoded one."""
    target = io.BytesIO()
    figure.savefig(target, format="rgba", dpi=dpi, facecolor="white")
    size = tuple(int(inches * dpi) for inches in figure.get_size_inches())
    return Image.frombytes("RGBA", size, target.getvalue()).convert("RGB")


def _encode(picture, options):
    """WebP: lossy, or without loss where that is smaller."""
    lossy = _webp(picture, **options)
    if picture.getcolors(_DRAWING) is None:
        return lossy
    return min(lossy, _webp(picture, lossless=True), key=len)


def _webp(picture, **options):
    target = io.BytesIO()
    picture.save(target, format="webp", **options)
    return target.getvalue()


def _image_tag(webp, width, height, alt):
    # The theme's dark mode dims every image, which falsifies heat maps, but for class dark-light.
    data = base64.b64encode(webp).decode("ascii")
    return (
        f'<img class="dark-light" src="data:image/webp;base64,{data}" alt="{escape(alt)}" '
        f'width="{width}" height="{height}" decoding="sync" '
        'style="max-width: 100%; height: auto; background: white">'
    )
