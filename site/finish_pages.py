"""What Sphinx wrote, made light and sealed: the last step before pages are published.

Formulas are typeset, widgets get a preview until they are needed, pictures become files, styles and
icons are reduced to those in use, and each page says what it may load.
"""

from content_policy import seal
from formulas import typeset
from icons import reduce_icons
from page_pictures import move_pictures
from page_scripts import free_scripts
from page_styles import join_styles
from widget_previews import add_previews


def finish_pages(folder):
    """Rewrite all pages under `folder` in place. Raises PageError for one that cannot be shown."""
    pages = typeset({file: file.read_text(encoding="utf-8") for file in html_pages(folder)})
    for file, html in pages.items():
        pages[file] = free_scripts(move_pictures(add_previews(html), file, folder), folder)
    write(pages)  # whatever stands in them now decides which styles are in use
    pages = join_styles(pages, folder)
    reduce_icons(folder.glob("_static/styles-*.css"), folder)
    write({file: seal(html) for file, html in pages.items()})


def html_pages(folder):
    """Every page of the site, those of its tools excepted."""
    pages = (file for file in folder.rglob("*.html"))
    return sorted(page for page in pages if not {"_static", "vendor"} & set(page.parts))


def write(pages):
    for file, html in pages.items():
        file.write_text(html, encoding="utf-8")
