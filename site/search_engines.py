"""What search engines and link previews read besides the pages themselves."""

import re
from xml.sax.saxutils import escape

from preview_pictures import add_pictures
from publishing import pages_of

SITEMAP = """<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
{pages}
</urlset>
"""
PREVIEW_TAG = re.compile(r'<meta (?:property="og:|name="twitter:)[^>]*>')


def add_files_for_search_engines(built, settings):
    """Write robots.txt, and where the site's address is known the sitemap and the previews."""
    robots = "User-agent: *\nAllow: /\n"
    if settings.site_url:
        (built / "sitemap.xml").write_text(sitemap(built, settings), encoding="utf-8")
        robots += f"Sitemap: {settings.page_url('sitemap.xml')}\n"
        add_pictures(built)
        preview_root(built)
    (built / "robots.txt").write_text(robots)


def sitemap(built, settings):
    """The addresses of all pages, in order."""
    pages = (page.relative_to(built).as_posix() for page in pages_of(built))
    urls = (f"<url><loc>{escape(settings.page_url(page))}</loc></url>" for page in pages)
    return SITEMAP.format(pages="\n".join(urls))


def preview_root(built):
    """Give index.html, the address that people share, the preview of the page it leads to."""
    root = built / "index.html"
    text = root.read_text(encoding="utf-8")
    first = built / re.search(r"url=([^\"]+)", text)[1]
    tags = PREVIEW_TAG.findall(first.read_text(encoding="utf-8"))
    root.write_text(text.replace("</head>", "\n".join([*tags, "</head>"])), encoding="utf-8")
