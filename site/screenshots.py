"""Photograph the built site into _build/screenshots, to be looked at before a release.

Every chapter, or those named, at 1280 and 390 pixels, light and dark.
Run: python site/screenshots.py [CHAPTER ...]
"""

import sys
from pathlib import Path
from threading import Thread

from browser import open_page, show_pictures, show_widgets, start_browser
from serve import PUBLISHED, site_server

FOLDER = PUBLISHED.parent / "screenshots"
WIDTHS = (1280, 390)
THEMES = ("light", "dark")


def main():
    wanted = sys.argv[1:]
    server = site_server(PUBLISHED)
    Thread(target=server.serve_forever, daemon=True).start()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with start_browser() as browser:
        for file in sorted(PUBLISHED.glob("chapters/*.html")):
            if not wanted or file.stem in wanted:
                photograph(browser, f"http://127.0.0.1:{server.server_port}/chapters/{file.name}")
    server.shutdown()


def photograph(browser, url):
    for width in WIDTHS:
        for theme in THEMES:
            page = open_page(browser, url, width, theme)
            show_widgets(page)
            show_pictures(page)
            path = FOLDER / f"{Path(url).stem}-{width}-{theme}.png"
            page.screenshot(path=path, full_page=True, animations="disabled")
            page.context.close()
            print(path)


if __name__ == "__main__":
    main()
