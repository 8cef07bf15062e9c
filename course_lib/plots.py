"""Pictures and heat maps in rows, with captions, legible on a phone."""

from course_lib.captioned_figure import CaptionedFigure, require_words
from course_lib.heat_colours import HeatScale
from course_lib.panel_grid import Row, draw_rows
from course_lib.pictures import as_maps, as_pictures, fit


def show_images(images, titles=None, *, caption, alt, columns=None, width=None):
    """Pictures in a grid, as a CaptionedFigure.

    images: (N, 3, H, W) floats in [0, 1] (tensor or array), (N, H, W, 3) uint8, or a list of
    pictures that may differ in size. titles: N strings. caption says what to see, alt what a
    reader who cannot see the pictures is told. columns: at most 3 unless given. width: of the
    figure, in CSS pixels. Raises ValueError, in one sentence, for anything that cannot be shown.
    """
    require_words(caption, alt)
    pictures = as_pictures(images)
    titles = _titles(titles, pictures)
    columns = _columns(columns, len(pictures)) or min(len(pictures), 3)
    rows = [
        Row(pictures[start : start + columns], titles[start : start + columns])
        for start in range(0, len(pictures), columns)
    ]
    figure = draw_rows(rows, columns, width)
    return CaptionedFigure.from_matplotlib(figure, caption, alt)


def show_heatmaps(
    images,
    maps,
    titles=None,
    *,
    caption,
    alt,
    overlay=True,
    columns=None,
    width=None,
    percentile=99,
    limit=None,
):
    """Each picture with its heat map and the map over the grey picture, as a CaptionedFigure.

    images: as in `show_images`; maps: (N, H, W) tensor, array or list, also coarser than the
    pictures. Without `columns`, a picture and its map stand side by side, one picture a row; with
    it, they stand one under the other, that many pictures a row. overlay=False leaves out the map
    over the picture. Maps without negatives are drawn in inferno, others in a diverging map with
    zero in the middle. The colours end at `percentile` of each map's magnitude, since a few large
    gradients would leave the rest dark; percentile=100 shows all, `limit` sets one end for all
    maps. The scale is added to the caption. Raises ValueError, in one sentence, for bad input.
    """
    require_words(caption, alt)
    pictures, maps = as_pictures(images), as_maps(maps)
    _require_as_many(pictures, maps, "maps")
    titles = _titles(titles, pictures)
    columns = _columns(columns, len(pictures))
    scale = HeatScale.of(maps, percentile, limit)
    groups = [_panels(scale, *pair, overlay) for pair in zip(pictures, maps, strict=True)]
    rows = _stacked(groups, titles, columns) if columns else _side_by_side(groups, titles)
    figure = draw_rows(rows, columns or len(groups[0]), width, scale)
    return CaptionedFigure.from_matplotlib(figure, f"{caption} {scale.sentences(maps)}", alt)


def _panels(scale, picture, heat_map, overlay):
    normalised = scale.normalise(fit(heat_map, picture.shape[:2]))
    panels = [picture, scale.colours(normalised)]
    return [*panels, scale.over(picture, normalised)] if overlay else panels


def _side_by_side(groups, titles):
    return [Row(panels, titles[index : index + 1]) for index, panels in enumerate(groups)]


def _stacked(groups, titles, columns):
    rows = []
    for start in range(0, len(groups), columns):
        panels = zip(*groups[start : start + columns], strict=True)
        rows += [Row(list(pictures), []) for pictures in panels]
        rows[-len(groups[0])].titles = titles[start : start + columns]
    return rows


def _titles(titles, pictures):
    if titles is None:
        return []
    _require_as_many(pictures, titles, "titles")
    return [str(title) for title in titles]


def _require_as_many(pictures, others, name):
    if len(pictures) != len(others):
        raise ValueError(
            f"There are {len(pictures)} pictures but {len(others)} {name}: give one each."
        )


def _columns(columns, count):
    if columns is None:
        return None
    if not isinstance(columns, int) or columns < 1:
        raise ValueError(f"columns is {columns!r}: expected a whole number, 1 or more.")
    return min(columns, count)
