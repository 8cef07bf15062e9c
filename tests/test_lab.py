"""The gradient lab as visitors get it: a page of its own in a headless Chromium."""

import numpy as np
import pytest
import torch
from browser import find_chromium, start_browser
from lab_page import HEAVY, lab_server, open_lab, result, run, start
from PIL import Image

from course_lib import load_model, load_photo
from solutions.deepdream import deepdream
from solutions.fooling import make_fooling_image
from solutions.grad_cam import grad_cam
from solutions.saliency import compute_saliency_maps

DOG, GOLDFISH = 235, 1


@pytest.fixture(scope="module")
def address(lab_folder):
    with lab_server(lab_folder.parent) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    if find_chromium() is None:
        pytest.skip("No Chromium or Chrome on this machine: install one to test the lab.")
    with start_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def context(browser):
    """One visitor, whose cache stays filled."""
    context = browser.new_context(viewport={"width": 1000, "height": 900})
    yield context
    context.close()


@pytest.fixture
def page(context):
    """A page that must not log an error."""
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    yield page
    page.close()
    assert not errors


@pytest.fixture(scope="module")
def rounded():
    """The networks as the lab runs them, in torch."""
    from gradient_graph import round_weights

    return {
        name: round_weights(load_model(name)) for name in ("efficientnet_lite0", "cifar_robust")
    }


def likeness(one, other):
    return np.corrcoef(np.ravel(one), np.ravel(other))[0, 1]


def test_nothing_heavy_is_loaded_before_the_click_nor_twice(browser, address):
    context = browser.new_context()
    page, requests = context.new_page(), []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address, wait_until="networkidle")
    page.get_by_role("button", name="Start the lab").wait_for()
    assert len(requests) > 5
    assert not [url for url in requests if url.split("?")[0].endswith(HEAVY)]
    start(page)
    packed = [url for url in requests if ".gz" in url]
    assert len(packed) == 2
    page.reload()
    start(page)
    assert len([url for url in requests if ".gz" in url]) == 2, "loaded again"
    own = address.rpartition("chapters/")[0]
    assert not [url for url in requests if not url.startswith((own, "data:", "blob:"))]
    context.close()


def test_saliency_and_grad_cam_agree_with_torch(page, address, rounded):
    model = rounded["efficientnet_lite0"]
    X, y = model.preprocess(load_photo("dog")), torch.tensor([DOG])
    open_lab(page, address, technique="saliency", photo="dog")
    got = result(page)
    np.testing.assert_allclose(got["scores"], model(X)[0], atol=1e-4)
    # Not closer: of millions of values, some fall on another side of a ReLU6's corner.
    assert likeness(got["values"], compute_saliency_maps(X, y, model)) > 0.999
    page.get_by_text("Grad-CAM", exact=True).click()
    page.get_by_text("Grad-CAM at bn2").wait_for()
    wanted = grad_cam(X, y, model, "bn2").ravel()
    np.testing.assert_allclose(result(page)["values"], wanted, atol=1e-4)


def test_fooling_agrees_with_torch(page, address, rounded):
    model = rounded["efficientnet_lite0"]
    X = model.preprocess(load_photo("dog"))
    wanted = make_fooling_image(X, GOLDFISH, model, learning_rate=0.2)
    open_lab(page, address, technique="fooling", photo="dog", **{"class": GOLDFISH})
    got = run(page)
    assert got["frames"] == got["step"] + 1  # each step was shown
    length = (wanted - X).norm().item()
    assert got["meters"]["l2"] == pytest.approx(length, rel=0.02)
    assert np.argmax(got["scores"]) == GOLDFISH
    change = torch.tensor(got["values"]).view_as(X) - X
    # Torch itself reaches 0.96, when the photograph differs by 1e-6: each step's corners add up.
    assert likeness(change, wanted - X) > 0.9
    assert "sees goldfish after" in page.locator(".lab-status").inner_text()


def test_a_network_without_corners_agrees_to_the_last_digits(page, address, rounded):
    """Fooling and DeepDream, whole runs; the small network's slopes have no jumps."""
    model = rounded["cifar_robust"]
    settings = {"network": "cifar_robust", "photo": "cat"}
    open_lab(page, address, technique="saliency", **settings)
    page.get_by_text("Fooling", exact=True).click()
    target = page.get_by_role("combobox", name="Make it a")
    target.fill("ship")
    target.press("Enter")
    fooled = np.reshape(run(page)["values"], (1, 3, 32, 32)).astype(np.float32)
    X = torch.from_numpy(np.reshape(picture_of(page), (1, 3, 32, 32)).astype(np.float32))
    wanted = make_fooling_image(X, 8, model, learning_rate=0.06)
    np.testing.assert_allclose(fooled, wanted, atol=1e-4)
    dream = {"technique": "deepdream", "layer": "silu5", "octaves": 1, "jitter": 0, "steps": 6}
    open_lab(page, address, **settings, **dream, stepSize=0.02, balanced="false")
    dreamt = np.reshape(run(page)["values"], (1, 3, 32, 32))
    options = {"num_octaves": 1, "max_jitter": 0, "num_iterations": 6, "learning_rate": 0.02}
    np.testing.assert_allclose(dreamt, deepdream(X, "silu5", model, **options), atol=1e-3)


def picture_of(page):
    """The picture that the lab took, in [0, 1]."""
    values = page.locator("canvas").first.evaluate(
        "(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    side = int((len(values) // 4) ** 0.5)
    return np.reshape(values, (side, side, 4))[..., :3].transpose(2, 0, 1) / 255


@pytest.mark.slow
def test_every_technique_changes_its_result_and_repeats_it(page, address):
    """On the small network, for it is quick."""
    reaches = {
        "visualization": lambda meters: meters["score"] > 5,
        "inversion": lambda meters: meters["error"] < 0.5,
        "smoothgrad": lambda meters: True,
    }
    settings = {"network": "cifar_robust", "photo": "macaw", "steps": 12}
    for technique, is_reached in reaches.items():
        open_lab(page, address, technique=technique, **settings)
        first, again = run(page), run(page)
        assert np.ptp(first["values"]) > 0.05
        assert again["values"] == first["values"]
        assert is_reached(again.get("meters"))


@pytest.mark.slow
def test_own_pictures_pause_comparison_and_link(page, address, tmp_path):
    Image.fromarray(load_photo("macaw")).save(tmp_path / "bird.png")
    (tmp_path / "text.jpg").write_text("no picture")
    open_lab(page, address, technique="saliency", photo="dog")
    field = page.get_by_label("Choose a picture")
    field.set_input_files(tmp_path / "bird.png")
    page.locator(".lab-top li", has_text="macaw").first.wait_for()
    field.set_input_files(tmp_path / "text.jpg")
    page.get_by_role("alert").get_by_text("no picture that the browser can open").wait_for()
    assert page.locator(".lab-top li").first.inner_text().startswith("macaw")
    page.get_by_text("SmoothGrad", exact=True).click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(400)
    seen = page.evaluate("window.frames_seen")
    page.wait_for_timeout(1000)
    assert page.evaluate("window.frames_seen") <= seen + 1  # of the pass that was under way
    page.get_by_role("button", name="Keep for comparison").click()
    assert page.get_by_text("Kept: SmoothGrad").is_visible()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text(", stopped").wait_for()
    page.get_by_label("Noise").fill("0.3")
    page.get_by_role("button", name="Copy link").click()
    assert "noise=0.3" in page.url and "technique=smoothgrad" in page.url
    page.reload()
    start(page)
    assert page.get_by_label("Noise").input_value() == "0.3"


def test_a_download_that_breaks_off_is_said_and_can_be_repeated(browser, address):
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    page.route("**/*.onnx.gz*", lambda route: route.abort())
    page.get_by_role("button", name="Start the lab").click()
    page.get_by_text("The lab could not be loaded").wait_for()
    page.unroute("**/*.onnx.gz*")
    start(page)
    context.close()


def test_a_browser_without_webassembly_is_told(browser, address):
    page = browser.new_page()
    page.add_init_script("delete window.WebAssembly")
    page.goto(address)
    page.get_by_role("button", name="Start the lab").click()
    page.get_by_text("This browser lacks what the lab needs").wait_for()
    page.close()


def test_the_lab_fits_a_phone_and_works_by_keyboard(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    open_lab(page, address, technique="gradcam", photo="cat")
    result(page)
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    page.get_by_role("combobox", name="Ask for the class").focus()
    page.keyboard.type("lynx")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.get_by_text("Grad-CAM at bn2: lynx").wait_for()
    page.keyboard.type("nonsense")
    page.get_by_text("No class of this name").wait_for()
    page.keyboard.press("Escape")
    assert page.get_by_role("combobox", name="Ask for the class").input_value() == "lynx"
    page.get_by_role("combobox", name="Ask for the class").click()
    page.get_by_role("option", name="tench").click()
    page.get_by_text("Grad-CAM at bn2: tench").wait_for()
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll(".lab :is(button, input, select, canvas, meter)")]
          .filter((e) => !(e.ariaLabel || e.labels?.length || e.innerText?.trim()))
          .map((e) => e.outerHTML)"""
    )
    assert not unnamed
    context.close()
