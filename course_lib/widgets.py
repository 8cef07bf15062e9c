"""Explorers and questions that move without a kernel: browser-side links between saved widgets.

Only `jslink` between indices is used, since a saved page has no Python to call back.
"""

from dataclasses import dataclass
from html import escape
from numbers import Real

from ipywidgets import (
    HTML,
    Dropdown,
    HBox,
    Layout,
    Play,
    RadioButtons,
    SelectionSlider,
    Stack,
    ToggleButtons,
    VBox,
    Widget,
    jslink,
)

from course_lib.captioned_figure import CaptionedFigure

_MOST_FRAMES = 64
_MOST_BUTTONS = 5
_MILLISECONDS_A_FRAME = 700
# ipywidgets gives each option one line of fixed height, on which long ones overlap on a phone.
_WRAPPED_OPTIONS = """<style>
.course-prediction .widget-radio { flex-wrap: wrap }
.course-prediction .widget-radio-box label { height: auto; line-height: 1.5; white-space: normal;
  display: flex; flex-direction: row-reverse; justify-content: flex-end; align-items: baseline;
  gap: 0.5em; margin-bottom: 0.3em }
.course-prediction .widget-radio-box input { height: auto; margin: 0; flex: none }
</style>"""


def explore(draw, *, labels=None, **controls):
    """Every frame drawn beforehand, and one or two controls that choose among them.

    ``draw(**values) -> CaptionedFigure`` is called once for each combination of values.
    controls: name=list of values, or of pairs (text shown, value). Numbers get a slider and a
    Play button, anything else buttons or, from six on, a drop-down list. labels: what is written
    beside a control, {name: text}; its name unless given. Returns a widget that works the same
    in Jupyter and on a page without a kernel. Raises ValueError for controls that cannot be
    shown and TypeError if draw returns anything else than a CaptionedFigure.
    """
    controls = _read_controls(controls, labels or {})
    stacks = [[] for _ in controls]
    frames = _frames(draw, controls, {}, stacks)
    rows = [_control_row(control, linked) for control, linked in zip(controls, stacks, strict=True)]
    return VBox([*rows, frames], layout=Layout(overflow="visible"))


def predict(question, options, answer, explanation, reveal=None):
    """A question whose answer shows only once the reader has chosen.

    options: different strings; answer: the right one among them; explanation: why, shown after
    any choice; reveal: a CaptionedFigure or widget to be shown then. Plain text throughout.
    Raises ValueError for options that cannot be told apart or an answer that is not among them.
    """
    options = list(options)
    if len(options) < 2 or len(set(options)) < len(options):
        raise ValueError(f"options are {options}: expected two or more, all different.")
    if answer not in options:
        raise ValueError(f"The answer {answer!r} is not among the options {options}.")
    shown = [] if reveal is None else [_as_widget(reveal)]
    replies = [
        VBox([HTML(_reply(option == answer, answer, explanation)), *shown]) for option in options
    ]
    choice = RadioButtons(
        options=options,
        index=None,
        description="Your prediction",
        style={"description_width": "initial"},
        layout=Layout(width="auto", height="auto"),
    )
    stack = Stack(replies)
    # From the stack to the choice: a saved state may leave out the buttons' empty index, which the
    # browser then takes for a wrong one; the stack's is None in both.
    jslink((stack, "selected_index"), (choice, "index"))
    asked = HTML(f"{_WRAPPED_OPTIONS}<p><strong>{escape(question)}</strong></p>")
    return VBox([asked, choice, stack]).add_class("course-prediction")


@dataclass(frozen=True)
class _Control:
    name: str
    label: str
    options: list  # pairs (text shown, value)
    numeric: bool

    @classmethod
    def of(cls, name, values, label):
        values = list(values)
        if len(values) < 2:
            raise ValueError(f"The control {name!r} has {len(values)} value(s): give two or more.")
        numeric = all(isinstance(v, Real) and not isinstance(v, bool) for v in values)
        options = [v if isinstance(v, tuple) else (_text(v), v) for v in values]
        texts = [text for text, _ in options]
        if len(set(texts)) < len(texts):
            raise ValueError(f"The control {name!r} shows one text twice: {', '.join(texts)}.")
        return cls(name, label, options, numeric)


def _read_controls(controls, labels):
    if not 1 <= len(controls) <= 2:
        raise ValueError(f"explore has {len(controls)} controls: give one or two, name=values.")
    unknown = sorted(set(labels) - set(controls))
    if unknown:
        raise ValueError(
            f"labels name {', '.join(unknown)}, which is no control: there are "
            f"{', '.join(controls)}."
        )
    read = [
        _Control.of(name, values, labels.get(name, name.replace("_", " ").capitalize()))
        for name, values in controls.items()
    ]
    count = len(read[0].options) * (len(read[1].options) if len(read) == 2 else 1)
    if count > _MOST_FRAMES:
        raise ValueError(
            f"The controls give {count} frames: a page bears {_MOST_FRAMES}, so give fewer values."
        )
    return read


def _frames(draw, controls, chosen, stacks):
    """A stack of the first control's frames, each again a stack if there is a second control."""
    if len(chosen) == len(controls):
        return _frame(draw, chosen)
    depth = len(chosen)
    control = controls[depth]
    children = [
        _frames(draw, controls, {**chosen, control.name: value}, stacks)
        for _, value in control.options
    ]
    stack = Stack(children, selected_index=0)
    stacks[depth].append(stack)
    return stack


def _frame(draw, chosen):
    figure = draw(**chosen)
    if not isinstance(figure, CaptionedFigure):
        raise TypeError(
            f"draw returned {type(figure).__name__} for {chosen}: expected a CaptionedFigure, "
            "which show_images, show_heatmaps and CaptionedFigure.from_matplotlib make."
        )
    return HTML(figure.lighter().html())


def _control_row(control, stacks):
    """The control's label, its buttons or slider, each linked to the stacks that it turns."""
    chooser = _slider(control) if control.numeric else _buttons(control)
    for stack in stacks:
        jslink((chooser, "index"), (stack, "selected_index"))
    if not control.numeric:
        return chooser
    play = Play(
        min=0,
        max=len(control.options) - 1,
        interval=_MILLISECONDS_A_FRAME,
        show_repeat=False,
        tooltip=f"Play: {control.label}",
    )
    jslink((play, "value"), (chooser, "index"))
    return HBox([chooser, play], layout=Layout(flex_flow="row wrap", align_items="center"))


def _slider(control):
    return SelectionSlider(
        options=control.options,
        index=0,
        description=control.label,
        tooltip=control.label,
        style={"description_width": "initial"},
        layout=Layout(width="auto", min_width="280px", flex="1 1 280px"),
    )


def _buttons(control):
    few = len(control.options) <= _MOST_BUTTONS
    kind, style = (ToggleButtons, {"button_width": "auto"}) if few else (Dropdown, {})
    return kind(
        options=control.options,
        index=0,
        description=control.label,
        tooltip=control.label,
        style={"description_width": "initial", **style},
        layout=Layout(width="auto", max_width="100%"),
    )


def _text(value):
    return f"{value:g}" if isinstance(value, float) else str(value)


def _reply(right, answer, explanation):
    verdict = "Right." if right else f"Not quite: {escape(answer)}."
    return f'<p role="status"><strong>{verdict}</strong> {escape(explanation)}</p>'


def _as_widget(reveal):
    if isinstance(reveal, Widget):
        return reveal
    if isinstance(reveal, CaptionedFigure):
        return HTML(reveal.html())
    raise TypeError(
        f"reveal is of type {type(reveal).__name__}: expected a CaptionedFigure or a widget."
    )
