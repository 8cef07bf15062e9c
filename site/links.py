"""Are the built site's own links sound? And which addresses elsewhere does it lead to?

site/build.py refuses to publish a site with a broken link. Run: python site/links.py, to list the
links that lead elsewhere, each with the pages that have it.
"""

import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from publishing import PUBLISHED

EMBEDDED = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=]+")
REFRESH = re.compile(r"\d+;\s*url=(.+)", re.IGNORECASE)
NOT_FETCHED = ("data", "mailto", "javascript", "blob")
HOST = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?")


@dataclass
class Page(HTMLParser):
    """The anchors of a page, and the addresses that it leads to or loads."""

    anchors: set = field(default_factory=set)
    links: list = field(default_factory=list)

    def __post_init__(self):
        super().__init__()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.anchors |= {attributes.get("id"), attributes.get("name")} - {None}
        self.links += [attributes[key] for key in ("href", "src") if attributes.get(key)]
        sizes = (attributes.get("srcset") or "").split(",")
        self.links += [size.split()[0] for size in sizes if size.strip()]
        if tag == "meta" and (found := REFRESH.fullmatch(attributes.get("content") or "")):
            self.links.append(found[1])


def read_pages(folder):
    """Every page of the site by its path."""
    files = [file for file in sorted(Path(folder).rglob("*.html")) if "_static" not in file.parts]
    return {file: read_page(file) for file in files}


def read_page(file):
    page = Page()
    page.feed(EMBEDDED.sub("", file.read_text(encoding="utf-8")))
    return page


def find_broken_links(folder):
    """Sentences, one for each link that leads nowhere on the site or has no proper address."""
    folder = Path(folder).resolve()
    pages = read_pages(folder)
    broken = []
    for file, page in pages.items():
        for link in dict.fromkeys(page.links):
            if what := complaint(link, file, pages, folder):
                broken.append(f"{file.relative_to(folder)} links to {link}, {what}")
    return broken


def complaint(link, file, pages, folder):
    """What is wrong with a link on the page `file`, or None."""
    parts = urlsplit(link)
    if parts.scheme in NOT_FETCHED:
        return None
    if parts.scheme or parts.netloc:
        return None if is_address(parts) else "which is no proper address"
    if parts.path.startswith("/"):
        return "which breaks where the site is served from a folder"
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if not target.is_file() or folder not in target.parents:
        return "which is not there"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return "which has no such place"
    return None


def is_address(parts):
    """Whether a link elsewhere has the form of one; nothing is fetched."""
    return parts.scheme in ("http", "https") and HOST.fullmatch(parts.netloc) is not None


def links_elsewhere(folder):
    """The addresses elsewhere, each with the names of the pages that lead there."""
    found = defaultdict(set)
    for file, page in read_pages(folder).items():
        for link in page.links:
            if urlsplit(link).scheme in ("http", "https"):
                found[link].add(file.stem)
    return dict(sorted(found.items()))


def main():
    if not PUBLISHED.is_dir():
        sys.exit("There is no built site yet. Run: make site")
    for link, pages in links_elsewhere(PUBLISHED).items():
        print(f"{link}\t{', '.join(sorted(pages))}")


if __name__ == "__main__":
    main()
