import re

import ipywidgets
import numpy as np
import pytest
from ipywidgets import HTML, Dropdown, Play, RadioButtons, SelectionSlider, Stack, ToggleButtons
from ipywidgets.widgets.widget_link import Link

from course_lib.photos import load_photo
from course_lib.plots import show_heatmaps, show_images
from course_lib.widgets import explore, predict


@pytest.fixture(autouse=True)
def no_widgets_of_other_tests():
    ipywidgets.Widget.close_all()
    yield
    ipywidgets.Widget.close_all()


def frame(**values):
    words = " and ".join(f"{name} {value}" for name, value in values.items())
    picture = np.zeros((1, 3, 16, 16))
    return show_images(picture, caption=f"Here {words}.", alt=words, width=80)


def everything(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything(child)


def only(widget, kind):
    (found,) = (w for w in everything(widget) if type(w) is kind)
    return found


def shown(widget):
    """The alt text of the frame that the stacks show, by their indices."""
    while not isinstance(widget, HTML):
        index = widget.selected_index if isinstance(widget, Stack) else -1
        widget = widget.children[index]
    return re.search('alt="([^"]*)"', widget.value)[1]


def links():
    """(source, attribute, target, attribute) of each link between widgets of the browser."""
    widgets = ipywidgets.widgets.widget._instances.values()
    return [(*w.source, *w.target) for w in widgets if isinstance(w, Link)]


def follow(source, index):
    """What the browser does: hand an index on along the links, without Python."""
    for start, attribute, end, other in links():
        if start is source and attribute == "index":
            setattr(end, other, index)


def test_a_slider_shows_the_frame_of_each_value():
    explorer = explore(frame, sigma=[0.5, 1.0, 20])
    slider = only(explorer, SelectionSlider)
    assert [text for text, _ in slider.options] == ["0.5", "1", "20"]
    for index, words in enumerate(["sigma 0.5", "sigma 1.0", "sigma 20"]):
        follow(slider, index)
        assert shown(explorer) == words


def test_the_play_button_turns_the_slider_over_all_frames():
    explorer = explore(frame, sigma=[0.5, 1.0, 20])
    play, slider = only(explorer, Play), only(explorer, SelectionSlider)
    assert (play, "value", slider, "index") in links()
    assert (play.min, play.max) == (0, 2)


def test_texts_get_buttons_and_many_of_them_a_list():
    assert only(explore(frame, photo=["dog", "cat"]), ToggleButtons).options == (
        ("dog", "dog"),
        ("cat", "cat"),
    )
    explorer = explore(frame, photo=list("abcdef"))
    follow(only(explorer, Dropdown), 4)
    assert shown(explorer) == "photo e"


def test_two_controls_reach_every_combination():
    explorer = explore(frame, photo=["dog", "cat"], noise=[0, 1, 2])
    for photo_index, photo in enumerate(["dog", "cat"]):
        for noise in range(3):
            follow(only(explorer, ToggleButtons), photo_index)
            follow(only(explorer, SelectionSlider), noise)
            assert shown(explorer) == f"photo {photo} and noise {noise}"


def test_the_first_frame_is_there_before_anything_is_touched():
    assert shown(explore(frame, photo=["dog", "cat"], noise=[0, 1])) == "photo dog and noise 0"


def test_a_value_may_have_a_text_of_its_own_and_a_control_a_label():
    explorer = explore(
        frame, labels={"steps": "Number of steps"}, steps=[("none", 0), ("many", 100)]
    )
    buttons = only(explorer, ToggleButtons)
    assert buttons.description == "Number of steps"
    follow(buttons, 1)
    assert shown(explorer) == "steps 100"


def test_a_control_is_labelled_by_its_name_otherwise():
    slider = only(explore(frame, noise_level=[1, 2]), SelectionSlider)
    assert slider.description == slider.tooltip == "Noise level"


def test_only_indices_and_the_play_button_are_linked():
    explore(frame, photo=["dog", "cat"], noise=[0, 1, 2])
    assert {(a, b) for _, a, _, b in links()} == {("index", "selected_index"), ("value", "index")}


def test_sixteen_frames_of_a_photograph_and_its_map_are_light():
    dog = load_photo("dog")[:, :320]
    noise = np.random.default_rng(0).random((16, 320, 320)) ** 8

    def draw(k):
        return show_heatmaps(dog, noise[k], overlay=False, caption="A map.", alt=f"Map {k}.")

    explorer = explore(draw, k=list(range(16)))
    weight = sum(len(w.value) for w in everything(explorer) if isinstance(w, HTML))
    assert weight < 1_200_000


@pytest.mark.parametrize(
    ("controls", "sentence"),
    [
        ({}, "0 controls"),
        ({"a": [1, 2], "b": [1, 2], "c": [1, 2]}, "3 controls"),
        ({"a": [1]}, "'a' has 1 value"),
        ({"a": [1.0, 1]}, "shows one text twice"),
        ({"a": range(9), "b": range(9)}, "give 81 frames: a page bears 64"),
        ({"a": [1, 2], "labels": {"x": "y"}}, "labels name x.*there are a"),
    ],
)
def test_controls_that_cannot_be_shown_get_a_sentence_before_anything_is_drawn(controls, sentence):
    with pytest.raises(ValueError, match=sentence):
        explore(lambda **values: pytest.fail("drawn"), **controls)


def test_a_draw_function_that_returns_no_figure_is_told_so():
    with pytest.raises(TypeError, match=r"NoneType for \{'a': 1\}.*show_images"):
        explore(lambda a: None, a=[1, 2])


def question(**changes):
    given = {
        "question": "Which is brighter, a or b & c?",
        "options": ["a", "b & c"],
        "answer": "b & c",
        "explanation": "Because b < c.",
        "reveal": frame(answer="map"),
    }
    return predict(**{**given, **changes})


def test_nothing_is_chosen_and_nothing_shown_at_first():
    asked = question()
    choice, stack = only(asked, RadioButtons), only(asked, Stack)
    assert choice.index is None and stack.selected_index is None
    assert choice.get_state()["index"] is None and stack.get_state()["selected_index"] is None
    before = asked.children[0].value
    assert "Which is brighter, a or b &amp; c?" in before and "Because" not in before
    assert (stack, "selected_index", choice, "index") in links()


@pytest.mark.parametrize(("index", "verdict"), [(0, "Not quite: b &amp; c."), (1, "Right.")])
def test_a_choice_shows_its_reply_the_reason_and_the_picture(index, verdict):
    reply = only(question(), Stack).children[index]
    words, picture = (child.value for child in reply.children)
    assert verdict in words and "Because b &lt; c." in words
    assert 'alt="answer map"' in picture


def test_a_widget_may_be_revealed_or_nothing():
    explorer = explore(frame, a=[1, 2])
    for reply in question(reveal=explorer).children[2].children:
        assert reply.children[1] is explorer
    with pytest.raises(TypeError, match="reveal is of type str"):
        question(reveal="map")
    assert len(only(predict("?", ["a", "b"], "a", "So."), Stack).children[0].children) == 1


def test_questions_that_cannot_be_answered_get_a_sentence():
    with pytest.raises(ValueError, match="answer 'd' is not among"):
        question(answer="d")
    with pytest.raises(ValueError, match="all different"):
        question(options=["a", "a"])
