"""A Sphinx extension: every page gets a description, its own first sentences."""

from html import escape

from docutils import nodes

LONGEST = 200


def setup(app):
    app.connect("html-page-context", describe_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def describe_page(app, pagename, templatename, context, doctree):
    """Add `<meta name="description">` unless the page's front matter (`html_meta`) has one."""
    metatags = context.get("metatags", "")
    if 'name="description"' in metatags:
        return
    text = _first_paragraph(doctree) or app.config.html_title
    tag = f'<meta name="description" content="{escape(_shorten(text))}" />'
    context["metatags"] = f"{metatags}\n{tag}"


def _first_paragraph(doctree):
    """The first paragraph of running text, not one in a cell's output or an admonition."""
    if doctree is None:
        return ""
    in_sections = (
        p for p in doctree.findall(nodes.paragraph) if isinstance(p.parent, nodes.section)
    )
    return next((p.astext() for p in in_sections), "")


def _shorten(text):
    text = " ".join(text.split())
    if len(text) <= LONGEST:
        return text
    return text[:LONGEST].rsplit(" ", 1)[0] + " …"
