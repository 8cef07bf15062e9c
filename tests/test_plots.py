import io

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib.plots import show_heatmaps, show_images

WORDS = {"caption": "What to see.", "alt": "What is there."}
RED, GREEN = (255, 0, 0), (0, 128, 0)


def plain(colour, size=(64, 64)):
    return np.full((*size, 3), colour, dtype=np.uint8)


def grey(count=1):
    return np.full((count, 3, 64, 64), 0.5, dtype=np.float32)


def drawn(figure):
    return np.asarray(Image.open(io.BytesIO(figure.picture)).convert("RGB")).astype(int)


def near(pixels, colour, tolerance=24):
    return (np.abs(pixels - np.array(colour)).max(-1) < tolerance).mean()


def panel(figure, column, columns):
    """The middle of one panel of a figure of one row without titles."""
    pixels = drawn(figure)
    width = pixels.shape[1] / columns
    left = int((column + 0.25) * width)
    return pixels[60:300, left : left + int(width / 2)]


def test_pictures_stand_in_order_from_left_to_right():
    figure = show_images([plain(RED), plain(GREEN)], **WORDS)
    assert near(panel(figure, 0, 2), RED) > 0.99
    assert near(panel(figure, 1, 2), GREEN) > 0.99


@pytest.mark.parametrize(
    "images",
    [
        plain(RED),
        plain(RED)[None],
        [Image.fromarray(plain(RED))],
        plain(RED).transpose(2, 0, 1)[None] / 255,
        torch.tensor(plain(RED).transpose(2, 0, 1)[None] / 255, requires_grad=True),
    ],
    ids=["one uint8", "batch uint8", "PIL", "float array", "float tensor"],
)
def test_every_form_of_picture_is_drawn_alike(images):
    assert near(panel(show_images(images, **WORDS), 0, 1), RED) > 0.99


def test_five_pictures_take_two_rows_and_pictures_may_differ_in_size():
    one_row = show_images(grey(3), **WORDS)
    two_rows = show_images(grey(5), **WORDS)
    assert two_rows.width == one_row.width and two_rows.height > 1.9 * one_row.height
    tall = show_images([plain(RED, (128, 64)), plain(RED)], columns=2, **WORDS)
    assert tall.height > 1.4 * show_images([plain(RED)] * 2, columns=2, **WORDS).height


def test_titles_are_drawn_and_long_ones_wrap():
    without = show_images(grey(2), **WORDS)
    short = show_images(grey(2), ["dog", "cat"], **WORDS)
    long = show_images(grey(2), ["dog", "a title that is much too long for one line"], **WORDS)
    assert without.height < short.height < long.height
    assert (drawn(short)[: 2 * (short.height - without.height)] < 100).any()


def test_the_same_pictures_give_the_same_bytes():
    assert show_images(grey(2), ["a", "b"], **WORDS) == show_images(grey(2), ["a", "b"], **WORDS)


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (np.zeros((2, 64, 64)), "shape .* expected floats"),
        (np.zeros((1, 64, 64, 3)), "expected floats"),
        (np.zeros((1, 3, 8, 8), dtype=np.int64), "dtype int64"),
        (np.full((1, 3, 8, 8), 2.5), r"run from 2.5 to 2.5: expected \[0, 1\]"),
        (np.full((1, 3, 8, 8), np.nan), r"run from nan to nan"),
        (np.zeros((0, 3, 8, 8)), "no picture"),
        ("dog", "expected floats"),
    ],
)
def test_what_is_no_picture_gets_a_sentence(images, sentence):
    with pytest.raises(ValueError, match=sentence):
        show_images(images, **WORDS)


def test_titles_and_columns_that_do_not_fit_get_a_sentence():
    with pytest.raises(ValueError, match="2 pictures but 1 titles"):
        show_images(grey(2), ["dog"], **WORDS)
    with pytest.raises(ValueError, match="columns is 0"):
        show_images(grey(2), columns=0, **WORDS)


def test_words_are_required():
    with pytest.raises(TypeError, match="caption"):
        show_images(grey(), alt="What is there.")
    with pytest.raises(ValueError, match="no alt"):
        show_heatmaps(grey(), np.ones((1, 64, 64)), caption="What to see.", alt="")


def half_map(low, high):
    return np.where(np.arange(64) < 32, low, high)[None, None].repeat(64, axis=1)


def test_a_map_is_brightest_where_it_is_largest_beside_its_picture():
    figure = show_heatmaps(grey(), half_map(0.0, 3.0), overlay=False, **WORDS)
    heat = panel(figure, 1, 2).mean(-1)
    assert heat[:, :60].max() < 20 < 180 < heat[:, -60:].min()
    assert near(panel(figure, 0, 2), (128, 128, 128)) > 0.99


def test_the_overlay_leaves_the_grey_picture_where_the_map_is_zero():
    figure = show_heatmaps(grey(), half_map(0.0, 3.0), **WORDS)
    over = panel(figure, 2, 3)
    assert (np.ptp(over[:, :60], axis=-1) < 12).all()
    assert (np.ptp(over[:, -60:], axis=-1) > 40).all()


def test_a_map_with_negatives_is_red_and_blue_with_white_at_zero():
    signed = np.zeros((1, 64, 64))
    signed[0, :, :22], signed[0, :, 42:] = -0.5, 1.0
    figure = show_heatmaps(grey(), signed, overlay=False, limit=1, **WORDS)
    heat = drawn(figure)[100:300, 430:850]
    blue, white, red = heat[:, 40], heat[:, 210], heat[:, 380]
    assert (blue[:, 2] > blue[:, 0] + 40).all() and (red[:, 0] > red[:, 2] + 40).all()
    assert white.min() > 235
    assert "Red is positive" in figure.caption and "end at 1." in figure.caption


def test_one_huge_value_does_not_leave_the_rest_dark():
    spiked = half_map(0.0, 1.0)
    spiked[0, 5, 5] = 1000.0
    clipped = panel(show_heatmaps(grey(), spiked, overlay=False, **WORDS), 1, 2)
    whole = panel(show_heatmaps(grey(), spiked, overlay=False, percentile=100, **WORDS), 1, 2)
    assert clipped[:, -60:].mean() > 150 > 30 > whole[:, -60:].mean()


def test_the_caption_states_the_scale():
    assert "0 to percentile 99" in show_heatmaps(grey(), half_map(0, 1), **WORDS).caption
    capped = show_heatmaps(grey(), half_map(0, 1), limit=2.5, **WORDS).caption
    assert capped == "What to see. The colours run from 0 to 2.5."


def test_one_limit_makes_maps_comparable():
    maps = np.concatenate([half_map(0.0, 1.0), half_map(0.0, 4.0)])
    figure = show_heatmaps(grey(2), maps, overlay=False, limit=4, columns=2, **WORDS)
    pixels = drawn(figure)
    maps_row = pixels[500:700]
    weak, strong = maps_row[:, 300:400].mean(), maps_row[:, -120:-40].mean()
    assert weak < 0.7 * strong


def test_broken_maps_are_drawn_and_named():
    maps = np.concatenate([half_map(np.nan, 1.0), np.zeros((1, 64, 64)), half_map(0.0, 1.0)])
    figure = show_heatmaps(grey(3), maps, **WORDS)
    assert "Map 1 holds values that are not finite numbers" in figure.caption
    assert "Map 2 is zero everywhere." in figure.caption and "Map 3" not in figure.caption
    infinite = show_heatmaps(grey(), np.full((1, 64, 64), np.inf), overlay=False, **WORDS)
    assert panel(infinite, 1, 2).max() < 12


def test_a_sparse_map_is_not_lost_to_the_percentile():
    sparse = np.zeros((1, 64, 64))
    sparse[0, 30:34, 30:34] = 1e-9
    assert panel(show_heatmaps(grey(), sparse, overlay=False, **WORDS), 1, 2).max() > 200


def test_a_coarse_map_covers_its_whole_picture():
    coarse = torch.tensor([[[0.0, 1.0], [0.0, 1.0]]], requires_grad=True)
    heat = panel(show_heatmaps(grey(), coarse, overlay=False, **WORDS), 1, 2).mean(-1)
    assert heat[:, 5].mean() < 60 < 150 < heat[:, -5].mean()


@pytest.mark.parametrize(
    ("maps", "options", "sentence"),
    [
        (np.zeros((1, 3, 64, 64)), {}, r"shape \(3, 64, 64\).*expected numbers of shape \(N, H, W"),
        (np.zeros((2, 64, 64)), {}, "1 pictures but 2 maps"),
        (np.zeros((1, 64, 64), dtype=complex), {}, "dtype complex128"),
        (np.zeros((1, 64, 64)), {"percentile": 0}, "percentile is 0"),
        (np.zeros((1, 64, 64)), {"limit": -1}, "limit is -1"),
    ],
)
def test_what_is_no_map_gets_a_sentence(maps, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        show_heatmaps(grey(), maps, **WORDS, **options)


def test_the_callers_arrays_stay_as_they_were():
    images, maps = grey(), half_map(-1.0, 1.0)
    show_heatmaps(images, maps, **WORDS)
    assert (images == 0.5).all() and (maps == half_map(-1.0, 1.0)).all()
