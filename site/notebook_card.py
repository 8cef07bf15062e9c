"""A Sphinx extension: a chapter with exercises offers its notebook, below its first paragraph."""

from html import escape

from docutils import nodes
from launch import launch_links
from notebook_folder import wheel_name

from autograder.catalogue import chapters as known_chapters

CARD = """<div class="notebook-card" role="group" aria-label="This chapter's notebook">
<p><strong>Do it yourself.</strong> The notebook has this text, {exercises}, and a check that names
your mistakes.</p>
<p class="notebook-links">{links}</p>
<details><summary>How to run it on your own machine</summary>
<ol>
<li>Once: download <a href="{folder}/{wheel}" download>the course's tools</a> and install them into
Python 3.11 or newer (3 GB with everything that they need):
<code>python -m pip install {wheel}</code></li>
<li>Download the notebook, unpack it, and start it in its folder:
<code>python -m jupyter lab {chapter}.ipynb</code></li>
</ol>
</details>
</div>"""
LINK = '<a class="notebook-link" href="{address}"{more}>{text}</a>'


def setup(app):
    app.setup_extension("page_head")  # reads the settings
    app.connect("doctree-resolved", add_card)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def add_card(app, doctree, docname):
    """Insert the card on a chapter with exercises."""
    chapter = docname.rpartition("/")[2]
    first = next((p for p in doctree.findall(nodes.paragraph) if in_section(p)), None)
    if first is None or chapter not in known_chapters():
        return
    exercises = sum("tag_exercise" in cell["classes"] for cell in doctree.findall(nodes.container))
    folder = "../" * docname.count("/") + "notebooks"
    card = card_html(app.config.course_settings, chapter, exercises, folder)
    first.parent.insert(first.parent.index(first) + 1, nodes.raw("", card, format="html"))


def in_section(paragraph):
    return isinstance(paragraph.parent, nodes.section)


def card_html(settings, chapter, exercises, folder):
    """The card; `folder` is the relative address of the downloads."""
    download = {"text": "Download the notebook", "address": f"{folder}/{chapter}.zip"}
    links = [LINK.format(more=" download", **download)]
    for service, address in launch_links(settings, chapter):
        links.append(LINK.format(text=f"Start on {service}", address=escape(address), more=""))
    return CARD.format(
        exercises="one exercise" if exercises == 1 else f"{exercises} exercises",
        links="\n".join(links),
        folder=folder,
        wheel=wheel_name(),
        chapter=chapter,
    )
