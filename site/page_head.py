"""A Sphinx extension: what search engines and link previews get to know of a page.

A description, its own first sentences, in any case; the canonical address, and the tags of a
preview with a picture (The Open Graph protocol), where the site's address is known. And the
version, for the footer.
"""

from html import escape

from docutils import nodes
from markupsafe import Markup
from preview_pictures import SIZE, picture_path
from publishing import ROOMS, SOURCES, read_settings, source_date, version_line

LONGEST = 200


def setup(app):
    settings = read_settings()
    app.add_config_value("course_settings", settings, "html")
    app.add_config_value("course_version", version_line(*source_date([*SOURCES, *ROOMS])), "html")
    app.connect("config-inited", set_address)
    app.connect("html-page-context", describe_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def set_address(app, config):
    """Sphinx writes the canonical link itself once it knows the address."""
    config.html_baseurl = config.course_settings.site_url


def describe_page(app, pagename, templatename, context, doctree):
    """Add the tags, but no description where the page's front matter (`html_meta`) has one."""
    context["course_version"] = app.config.course_version
    tags = [context.get("metatags", "")]
    text = _shorten(_first_paragraph(doctree) or app.config.html_title)
    if 'name="description"' not in tags[0]:
        tags.append(f'<meta name="description" content="{escape(text)}" />')
    if doctree is not None and app.config.course_settings.site_url:
        tags += preview_tags(app.config, pagename, context["title"], text)
    context["metatags"] = "\n".join(tags)


def preview_tags(config, pagename, title, text):
    """The tags from which chats and social networks make a preview; they want full addresses."""
    width, height = SIZE
    properties = {
        "og:type": "article",
        "og:site_name": config.html_title,
        "og:title": Markup(title).striptags(),
        "og:description": text,
        "og:url": config.course_settings.page_url(f"{pagename}.html"),
        "og:image": config.course_settings.page_url(picture_path(pagename)),
        "og:image:width": str(width),
        "og:image:height": str(height),
    }
    tags = [
        f'<meta property="{key}" content="{escape(value)}" />' for key, value in properties.items()
    ]
    return [*tags, '<meta name="twitter:card" content="summary_large_image" />']


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
