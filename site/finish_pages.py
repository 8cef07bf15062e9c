"""What Sphinx wrote, made light and sealed: the last step before pages are published.

Pictures become files, formulas are typeset, widgets get a preview until they are needed, icons are
reduced to those in use, and each page says what it may load.
"""

from content_policy import seal
from formulas import typeset
from icons import reduce_icons
from page_pictures import move_pictures
from page_scripts import defer_scripts
from widget_previews import add_previews


def pages_of(folder):
    """Every page of the site, those of its tools excepted."""
    pages = (file for file in folder.rglob("*.html"))
    return sorted(page for page in pages if not {"_static", "vendor"} & set(page.parts))


def finish_pages(folder):
    """Rewrite all pages under `folder` in place. Raises PageError for one that cannot be shown."""
    pages = {file: file.read_text(encoding="utf-8") for file in pages_of(folder)}
    pages = typeset(pages, folder / "vendor/katex/katex.min.js")
    for file, html in pages.items():
        html = move_pictures(add_previews(html), file, folder)
        file.write_text(seal(defer_scripts(html)), encoding="utf-8")
    reduce_icons(folder)
