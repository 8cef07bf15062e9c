"""What is done to pages once Sphinx has written them."""

import base64
import hashlib
import io
import json
import re
from pathlib import Path

import pytest
from content_policy import seal
from formulas import typeset
from page_error import PageError
from page_pictures import move_pictures
from page_scripts import free_scripts
from page_styles import join_styles
from PIL import Image
from vendor_scripts import vendor_scripts
from widget_previews import add_previews

from course_lib.plots import show_images
from course_lib.widgets import explore, predict

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def node_tools():
    vendor_scripts(ROOT / "_build/extra/vendor")


def frame(**values):
    words = " and ".join(f"{name} {value}" for name, value in values.items())
    return show_images(Image.new("RGB", (40, 40)), caption=f"{words}.", alt=words, width=80)


def page_of(widget):
    """A page as MyST-NB writes it, with the saved state of everything in `widget`."""
    from ipywidgets.embed import dependency_state

    state = dependency_state(widget, drop_defaults=False)
    document = json.dumps({"state": state, "version_major": 2, "version_minor": 0})
    view = json.dumps({"model_id": widget.model_id})
    return (
        f'<script type="application/vnd.jupyter.widget-state+json">{document}</script><main>'
        f'<script type="application/vnd.jupyter.widget-view+json">{view}</script></main>'
    )


def saved_state(html):
    return json.loads(re.search(r"state\+json\">(.*?)</script>", html)[1])["state"]


def picture(width, height, kind="webp"):
    target = io.BytesIO()
    Image.effect_noise((width, height), 90).convert("RGB").save(target, kind)
    return target.getvalue()


def as_url(content, kind="webp"):
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def test_a_preview_shows_the_first_frame_and_names_its_controls():
    html = add_previews(page_of(explore(frame, photo=["dog", "cat"], noise=[0, 1])))
    preview = html.partition("<main>")[2]
    assert 'alt="photo dog and noise 0"' in preview and "cat" not in preview
    assert ">Photo<" in preview and ">Noise<" in preview and "need JavaScript" in preview


def test_the_preview_of_a_question_shows_its_options_and_not_the_answer():
    question = predict("Why?", ["this", "that <b>"], "this", "Because of it.", frame(a=1))
    preview = add_previews(page_of(question)).partition("<main>")[2]
    assert "<li>this</li><li>that &lt;b&gt;</li>" in preview
    assert "Because" not in preview and "<img" not in preview


def test_the_saved_state_loses_what_layouts_do_not_set_and_nothing_else():
    page = page_of(predict("Why?", ["a", "b"], "a", "So."))
    before, after = saved_state(page), saved_state(add_previews(page))
    assert len(json.dumps(after)) < len(json.dumps(before)) / 1.5
    for number, model in before.items():
        is_look = model["model_name"].endswith(("LayoutModel", "StyleModel"))
        kept = {k: v for k, v in model["state"].items() if v is not None or not is_look}
        assert after[number]["state"] == kept


def test_a_widget_that_would_stand_still_on_a_page_is_refused():
    page = page_of(explore(frame, a=[1, 2])).replace("@jupyter-widgets/controls", "ipyother", 1)
    with pytest.raises(PageError, match="of ipyother, which does not move on a page"):
        add_previews(page)


def test_formulas_are_typeset_for_eyes_and_screen_readers(node_tools):
    sphinx = 'class="math notranslate nohighlight"'
    inline = f"<p>If <span {sphinx}>\\(a &lt; b\\)</span></p>"
    numbered = f'<div {sphinx} id="e"><span class="eqno">(1)<a>#</a></span>\\[x_0\\]</div>'
    aligned = f'<div class="amsmath {sphinx[7:]}>\\begin{{align*}}a &amp;= b\\end{{align*}}</div>'
    drawn = typeset({"page": inline + numbered + aligned})["page"]
    assert drawn.count("<math ") == 3 and drawn.count('class="katex-display"') == 2
    assert "\\(" not in drawn and "<mi>a</mi><mo>&lt;</mo><mi>b</mi>" in drawn
    assert '<span class="eqno">(1)<a>#</a></span><span class="katex-display">' in drawn
    with pytest.raises(PageError, match=r"cannot be typeset[\s\S]*in: \\frac"):
        typeset({"page": f"<span {sphinx}>\\(\\frac\\)</span>"})


def test_pictures_become_files_and_only_the_first_is_fetched_at_once(tmp_path):
    small, large = picture(20, 10, "png"), picture(400, 300)
    html = (
        f'<img src="{as_url(small, "png")}" alt="a">'
        f'<img src="{as_url(large)}" alt="b" width="200" height="150" decoding="sync">'
    )
    page = tmp_path / "chapters/page.html"
    first, second = move_pictures(html, page, tmp_path).split("><")
    assert "lazy" not in first and 'width="20" height="10"' in first
    assert 'loading="lazy" decoding="async"' in second and "sync" not in second.replace("async", "")
    name = f"{hashlib.sha256(large).hexdigest()[:16]}.webp"
    assert f'src="../_images/{name}"' in second
    assert (tmp_path / "_images" / name).read_bytes() == large
    half = re.search(r'srcset="\.\./(\S+) 200w, \S+ 400w"', second)[1]
    with Image.open(tmp_path / half) as shown:
        assert shown.size == (200, 150)


def test_frames_in_the_saved_state_become_files_with_their_words_and_stay_unlazy(tmp_path):
    html = move_pictures(page_of(explore(frame, a=[1, 2])), tmp_path / "page.html", tmp_path)
    values = [m["state"]["value"] for m in saved_state(html).values() if "value" in m["state"]]
    frames = [value for value in values if "<img" in str(value)]
    assert len(frames) == 2 and not any("data:" in f or "lazy" in f for f in frames)
    for value in frames:
        assert (tmp_path / re.search('src="([^"]+)"', value)[1]).is_file()
        assert re.search('alt="a [12]"', value) and "<figcaption" in value


def test_styles_become_one_sheet_of_the_rules_in_use_and_ours_stay_whole(tmp_path, node_tools):
    for name, css in {
        "basic.css": ".used { color: red } .unused { color: blue }",
        "styles/theme.css": '@import "../basic.css"; .used { src: url(../fonts/a.woff) }',
        "course.css": ".ours { color: green }",
    }.items():
        (tmp_path / "_static" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "_static" / name).write_text(css)
    page = tmp_path / "chapters/page.html"
    page.parent.mkdir()
    page.write_text('<p class="used"></p>')
    links = "".join(
        f'<link rel="stylesheet" href="../_static/{name}?v=1" />\n'
        for name in ("styles/theme.css", "course.css")
    )
    html = join_styles({page: f"<head>{links}</head>"}, tmp_path)[page]
    (address,) = re.findall('<link rel="stylesheet" href="([^"]*)"', html)
    css = (page.parent / address).read_text()
    assert ".unused" not in css and "@import" not in css and ".ours" in css
    assert css.index("color: red") < css.index("url(fonts/a.woff)") < css.index(".ours")


def test_scripts_wait_for_the_page_and_settings_stand_in_it(tmp_path):
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static/documentation_options.js").write_text("const DOCUMENTATION_OPTIONS = {};")
    html = free_scripts(
        '<script src="../_static/documentation_options.js?v=1"></script><script>inline()</script>'
        '<script src="a.js"></script><script defer src="b.js"></script>',
        tmp_path,
    )
    assert html == (
        "<script>const DOCUMENTATION_OPTIONS = {};</script><script>inline()</script>"
        '<script defer src="a.js"></script><script defer src="b.js"></script>'
    )


def test_the_policy_allows_a_page_its_own_scripts_and_no_other():
    sealed = seal(
        '<meta charset="utf-8" /><script>run()</script><script src="a.js"></script>'
        '<script type="application/json">{"a": 1}</script>'
    )
    policy = re.search('content="([^"]*)"', sealed)[1]
    run = base64.b64encode(hashlib.sha256(b"run()").digest()).decode()
    assert f"script-src 'self' 'wasm-unsafe-eval' 'sha256-{run}';" in policy
    assert policy.startswith("default-src 'self'; ") and policy.count("sha256-") == 1
