"""What a page shows of its widgets before their engine is loaded, and without JavaScript.

The first picture and the words of each widget, where course.js later puts the widget itself.
"""

import json
import re
from html import escape

from page_error import PageError

STATE = re.compile(
    r'(<script type="application/vnd\.jupyter\.widget-state\+json">)(.*?)(</script>)', re.DOTALL
)
VIEW = re.compile(
    r'<script type="application/vnd\.jupyter\.widget-view\+json">(.*?)</script>', re.DOTALL
)
MODULES = {"@jupyter-widgets/base", "@jupyter-widgets/controls"}
REFERENCE = "IPY_MODEL_"
WITHOUT_SCRIPTS = (
    "<noscript><p>The buttons and sliders of this figure need JavaScript.</p></noscript>"
)


def add_previews(html):
    """The page with a preview at the place of each widget, and a shorter saved state.

    Raises PageError for a widget that would not move on a page.
    """
    saved = STATE.search(html)
    if not saved:
        return html
    document = json.loads(saved[2])
    models = document["state"]
    _require_known(models)
    for model in models.values():
        model["state"] = _without_defaults(model)

    def place(match):
        number = json.loads(match[1])["model_id"]
        words = _preview(models, number)
        return f'<div class="widget-preview" data-widget="{number}">{words}{WITHOUT_SCRIPTS}</div>'

    shorter = json.dumps(document, separators=(",", ":")).replace("</", "<\\/")
    html = VIEW.sub(place, html)
    return STATE.sub(lambda match: f"{match[1]}{shorter}{match[3]}", html)


def _require_known(models):
    for model in models.values():
        if model["model_module"] not in MODULES or model.get("buffers"):
            raise PageError(
                f"A page has a widget {model['model_name']} of {model['model_module']}, which "
                "does not move on a page: use those that course_lib.widgets is made of."
            )


def _without_defaults(model):
    """The state without what layouts and styles do not set, most of it."""
    if model["model_name"].endswith(("LayoutModel", "StyleModel")):
        return {name: value for name, value in model["state"].items() if value is not None}
    return model["state"]


def _preview(models, number):
    model = models[number.removeprefix(REFERENCE)]
    kind, state = model["model_name"], model["state"]
    children = state.get("children", [])
    if kind == "HTMLModel":
        return state["value"]
    if kind == "StackModel":
        shown = state.get("selected_index")
        children = [] if shown is None else [children[shown]]
    if children:
        return "".join(_preview(models, child) for child in children)
    return _control(state) if "description" in state else ""


def _control(state):
    """The words of a control; the options one by one where they are what the reader reads."""
    label = f'<p class="widget-preview-control">{escape(state["description"])}</p>'
    if state["_model_name"] != "RadioButtonsModel":
        return label
    options = "".join(f"<li>{escape(option)}</li>" for option in state["_options_labels"])
    return f"{label}<ul>{options}</ul>"
