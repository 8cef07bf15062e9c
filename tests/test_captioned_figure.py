import io

import pytest
from matplotlib.figure import Figure
from PIL import Image

from course_lib.captioned_figure import CaptionedFigure


def line_plot(width=4.8, height=3.2):
    figure = Figure(figsize=(width, height))
    figure.subplots().plot([0, 1, 4, 9])
    return figure


def captioned(**words):
    words = {"caption": "The parabola rises.", "alt": "A parabola.", **words}
    return CaptionedFigure.from_matplotlib(line_plot(), **words)


def test_a_line_plot_keeps_its_size_on_the_page_and_twice_the_pixels():
    figure = captioned()
    picture = Image.open(io.BytesIO(figure.picture))
    assert (figure.width, figure.height) == (480, 320)
    assert (picture.format, picture.size) == ("WEBP", (960, 640))
    assert min(picture.convert("RGB").getpixel((2, 2))) > 250


@pytest.mark.parametrize("name", ["caption", "alt"])
@pytest.mark.parametrize("words", ["", "  ", None])
def test_a_figure_without_words_is_refused(name, words):
    with pytest.raises(ValueError, match=f"no {name}: give {name}="):
        captioned(**{name: words})


def test_the_words_are_escaped_and_the_picture_fits_a_phone():
    html = captioned(caption="a < b & c", alt='say "<b>"')._repr_html_()
    assert "a &lt; b &amp; c" in html and 'alt="say &quot;&lt;b&gt;&quot;"' in html
    assert "max-width: 100%" in html and 'width="480" height="320"' in html
    assert html.startswith('<figure class="course-figure"><img') and "data:image/webp" in html


def test_the_same_plot_gives_the_same_bytes():
    assert captioned() == captioned()


def test_the_printed_form_has_the_words_but_not_the_bytes():
    printed = repr(captioned())
    assert "A parabola." in printed and len(printed) < 300


def test_a_lighter_figure_has_fewer_bytes_and_the_same_place_on_the_page():
    figure = captioned()
    lighter = figure.lighter()
    assert len(lighter.picture) < 0.7 * len(figure.picture)
    assert (lighter.width, lighter.height, lighter.alt) == (480, 320, "A parabola.")


@pytest.mark.parametrize(("suffix", "kind"), [("webp", "WEBP"), ("png", "PNG"), ("jpg", "JPEG")])
def test_a_figure_is_saved_in_the_format_of_its_suffix(tmp_path, suffix, kind):
    path = tmp_path / f"figure.{suffix}"
    captioned().save(path)
    with Image.open(path) as picture:
        assert (picture.format, picture.size) == (kind, (960, 640))
