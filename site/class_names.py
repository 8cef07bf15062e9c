"""A Sphinx extension: the directive `class-names` lists the classes of the course's network.

Every class gets an anchor and an index entry, so that the search and links find it by its name.
"""

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx import addnodes

from course_lib.efficientnet_lite import class_names


def setup(app):
    app.add_directive("class-names", ClassNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def class_anchor(number, name):
    """The anchor of a class on the page; names alone are not enough, see Cardigan and cardigan."""
    return nodes.make_id(f"class-{number}-{name}")


class ClassNames(Directive):
    """All classes with their numbers, in alphabetical order."""

    def run(self):
        numbered = sorted(enumerate(class_names()), key=lambda pair: pair[1].casefold())
        entries = [("single", name, class_anchor(n, name), "", None) for n, name in numbered]
        items = (class_item(number, name) for number, name in numbered)
        listed = nodes.bullet_list("", *items, classes=["class-names"])
        return [addnodes.index(entries=entries), listed]


def class_item(number, name):
    shown = nodes.inline("", str(number), classes=["class-number"])
    text = nodes.paragraph("", "", nodes.Text(f"{name} "), shown, support_smartquotes=False)
    return nodes.list_item("", text, ids=[class_anchor(number, name)])
