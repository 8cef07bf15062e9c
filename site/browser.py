"""Pages of the site in a headless Chromium, for the tests and the screenshots."""

import shutil
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Quiet: no crash sandbox in a container, and no request of the browser's own.
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium():
    """The path of the machine's Chromium or Chrome, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


@contextmanager
def start_browser(*options):
    """A browser to open pages in, closed at the end. Needs find_chromium() to find one.

    `options`: further switches of Chromium's.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=[*OPTIONS, *options]
        )
        yield browser
        browser.close()


def open_page(browser, url, width, theme, listen=None):
    """The page at `url`, loaded, in a window `width` pixels wide.

    `theme` is "light" or "dark"; `listen(page)` is called before anything loads.
    """
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    context.add_init_script(
        f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}');"
    )
    page = context.new_page()
    if listen:
        listen(page)
    page.goto(url, wait_until="networkidle")
    return page


def show_widgets(page):
    """Have all widgets of the page made, as its first press of the Tab key does."""
    page.keyboard.press("Tab")
    page.wait_for_function("() => !document.querySelector('.widget-preview')")
    page.evaluate("document.activeElement.blur()")


def show_pictures(page):
    """Have all pictures of the page fetched, also those that no window has come near."""
    page.evaluate("""() => Promise.all([...document.images].map((image) => {
      image.loading = "eager";
      return image.decode().catch(() => {});
    }))""")
