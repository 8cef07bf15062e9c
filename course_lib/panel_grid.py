"""Rows of pictures with titles over them, and a colour bar, drawn at sizes of the page."""

import textwrap
from dataclasses import dataclass

from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

_GAP = 8  # pixels of the page
_PANEL = 202
_WIDEST = 640
_PHONE = 350  # width of a figure on a phone, where type must still be ten pixels high
_BAR = 12


@dataclass
class Row:
    """Pictures beside one another; title i stands over picture i and may run on to the right."""

    pictures: list
    titles: list

    def height(self, panel):
        return max(panel * picture.shape[0] / picture.shape[1] for picture in self.pictures)

    def wrapped_titles(self, row_width, type_size):
        letters = int(row_width / max(len(self.titles), 1) / (0.6 * type_size))
        return [textwrap.fill(title, max(letters, 8)) for title in self.titles]


def draw_rows(rows, columns, width, scale=None):
    """A matplotlib Figure of the rows, top to bottom, and of a HeatScale's colour bar under them.

    columns: pictures in the longest row; width: of the figure, in pixels of the page.
    """
    width = (width or min(_WIDEST, columns * (_PANEL + _GAP) + _GAP)) - 2 * _GAP
    type_size = max(14, 10 * width / _PHONE)
    panel = (width - (columns - 1) * _GAP) / columns
    titles = [row.wrapped_titles(width, type_size) for row in rows]
    heads = [1.4 * type_size * _lines(words) for words in titles]
    bar = _BAR + 1.8 * type_size + _GAP if scale else 0
    height = sum(heads) + sum(row.height(panel) + _GAP for row in rows) - _GAP + bar
    canvas = _Canvas(width, height, type_size)
    top = 0
    for row, head, words in zip(rows, heads, titles, strict=True):
        canvas.add_row(row.pictures, words, panel, top + head)
        top += head + row.height(panel) + _GAP
    if scale:
        canvas.add_bar(scale, top)
    return canvas.figure


def _lines(titles):
    return max((title.count("\n") + 1 for title in titles), default=0)


class _Canvas:
    """A figure addressed in pixels of the page, from the top left corner inside its margin."""

    def __init__(self, width, height, type_size):
        self.inner_width, self.type_size = width, type_size
        self.width, self.height = width + 2 * _GAP, height + 2 * _GAP
        self.figure = Figure(figsize=(self.width / 100, self.height / 100))

    def add_row(self, pictures, titles, panel, top):
        for column, picture in enumerate(pictures):
            left = column * (panel + _GAP)
            axes = self._axes(left, top, panel, panel * picture.shape[0] / picture.shape[1])
            axes.imshow(picture, aspect="auto")
            axes.set_axis_off()
            if column < len(titles):
                self._write(titles[column], left, top)

    def add_bar(self, scale, top):
        axes = self._axes(0, top, self.inner_width, _BAR)
        colours = ScalarMappable(Normalize(scale.low, 1), scale.colour_map)
        bar = self.figure.colorbar(colours, cax=axes, orientation="horizontal", ticks=[])
        bar.outline.set_visible(False)
        for position, label in scale.ticks():
            share = (position - scale.low) / (1 - scale.low)
            side = {0: "left", 1: "right"}.get(share, "center")
            bottom = top + _BAR + 1.5 * self.type_size
            self._write(label, share * self.inner_width, bottom, ha=side)

    def _axes(self, left, top, width, height):
        bottom = 1 - (_GAP + top + height) / self.height
        share = ((_GAP + left) / self.width, bottom, width / self.width, height / self.height)
        return self.figure.add_axes(share)

    def _write(self, words, left, bottom, ha="left"):
        self.figure.text(
            (_GAP + left) / self.width,
            1 - (_GAP + bottom - 0.3 * self.type_size) / self.height,
            words,
            fontsize=0.72 * self.type_size,  # 72 points and 100 pixels of the page in an inch
            family="DejaVu Sans",
            color="black",
            ha=ha,
            va="bottom",
        )
