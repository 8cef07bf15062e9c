"""Pictures that visitors bring to the lab, and the one that they take along."""

import base64
import io

import numpy as np
import pytest
from browser import find_chromium, start_browser
from lab_page import lab_server, open_lab, result
from PIL import Image

from course_lib import load_photo

FAKE_CAMERA = "--use-fake-device-for-media-stream"
NO_PICTURE = "This file is no picture that the browser can open: try a JPEG, PNG or WebP file."
# A file as a drop or the clipboard has it.
TRANSFER = """([data, name, type]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  return transfer;
}"""
PASTE = """(target, clipboardData) => target.dispatchEvent(
  new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }))"""
PIXELS = """(canvas) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  return { width, height, data: [...data] };
}"""
WATCH_CAMERA = """() => {
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => (window.stream = await ask(wanted));
}"""


@pytest.fixture(scope="module")
def browser():
    if find_chromium() is None:
        pytest.skip("No Chromium or Chrome on this machine: install one to test the lab.")
    with start_browser(FAKE_CAMERA) as browser:
        yield browser


@pytest.fixture(scope="module")
def lab(browser, lab_folder):
    """The lab with the quick network, opened once, where no camera may be used."""
    errors = []
    with lab_server(lab_folder.parent) as address:
        page = browser.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        open_lab(page, address, technique="saliency", network="cifar_robust", photo="dog")
        result(page)
        yield page
        page.close()
    assert not errors


@pytest.fixture
def page(lab):
    """The lab with the photograph of the dog."""
    lab.get_by_role("radio", name="A German shepherd").check(force=True)
    lab.get_by_text("A German shepherd standing").first.wait_for()
    result(lab)
    return lab


def encoded(picture, kind="PNG"):
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def transfer(page, data, name="bird.png", kind="image/png"):
    return page.evaluate_handle(TRANSFER, [base64.b64encode(data).decode(), name, kind])


def shown(page, place):
    """A canvas of the stage, in 8 bits."""
    canvas = page.locator(".lab-stage canvas").nth(place).evaluate(PIXELS)
    return np.reshape(canvas["data"], (canvas["height"], canvas["width"], 4))


def seen(page):
    """What the lab took in once it shows a visitor's picture, and no complaint."""
    page.locator("figcaption").get_by_text("Your picture", exact=True).wait_for()
    result(page)
    assert page.get_by_role("alert").inner_text() == ""
    return shown(page, 0)[..., :3]


@pytest.fixture(scope="module")
def bird():
    return Image.fromarray(load_photo("macaw")).resize((32, 32))


def test_a_dropped_picture_is_taken_in_as_it_is(page, bird):
    drop = {"dataTransfer": transfer(page, encoded(bird))}
    page.dispatch_event(".lab", "dragover", drop)
    assert page.locator(".lab-over").count() == 1
    page.dispatch_event(".lab-strip", "drop", drop)
    np.testing.assert_array_equal(seen(page), bird)
    assert page.locator(".lab-over").count() == 0
    assert page.locator(".lab-thumbnail :checked").count() == 0


def test_a_pasted_picture_is_taken_in_as_it_is(page, bird):
    page.locator("body").evaluate(PASTE, transfer(page, encoded(bird)))
    np.testing.assert_array_equal(seen(page), bird)


def test_a_pasted_word_goes_where_it_was_pasted(page):
    word = page.evaluate_handle(
        "() => { const t = new DataTransfer(); t.setData('text/plain', 'ship'); return t; }"
    )
    was_left_alone = page.get_by_role("combobox", name="Ask for").evaluate(PASTE, word)
    assert was_left_alone
    assert page.get_by_text("A German shepherd standing").first.is_visible()


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("notes.txt", b"no picture", NO_PICTURE),
        ("text.jpg", b"no picture", NO_PICTURE),
        ("empty.png", b"", NO_PICTURE),
        ("cut.png", encoded(Image.fromarray(load_photo("macaw")))[:9000], NO_PICTURE),
        (
            "giant.png",
            encoded(Image.new("1", (20_000, 20_000))),
            "This picture is too large (20000 × 20000 pixels): try a smaller copy.",
        ),
    ],
    ids=["text", "text named jpg", "empty", "cut off", "giant"],
)
def test_a_wrong_file_is_told_in_one_sentence(page, name, data, sentence):
    kind = "text/plain" if name.endswith("txt") else f"image/{name[-3:]}"
    page.dispatch_event(".lab", "drop", {"dataTransfer": transfer(page, data, name, kind)})
    page.get_by_role("alert").get_by_text(sentence, exact=True).wait_for()
    # What was there before is still there.
    assert page.get_by_text("A German shepherd standing").first.is_visible()
    assert page.get_by_role("radio", name="A German shepherd").is_checked()


def test_a_refused_camera_is_told_in_one_sentence(page):
    page.get_by_role("button", name="Camera").click()
    page.get_by_role("alert").get_by_text("The camera cannot be used: allow it").wait_for()
    assert page.get_by_role("dialog").count() == 0


def test_the_camera_gives_one_picture_and_goes_off(page):
    page.context.grant_permissions(["camera"])
    page.evaluate(WATCH_CAMERA)
    page.get_by_role("button", name="Camera").click()
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_function("!window.stream.active")
    assert page.get_by_text("A German shepherd standing").first.is_visible()
    page.get_by_role("button", name="Camera").click()
    page.get_by_role("button", name="Take the picture").click()
    assert np.ptp(seen(page)) > 100  # no black frame
    page.wait_for_function("!window.stream.active")
    assert page.get_by_role("dialog").count() == 0


def test_a_download_has_the_very_pixels_that_are_shown(page):
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.startswith("saliency-dog-")
    with Image.open(download.value.path()) as file:
        np.testing.assert_array_equal(file.convert("RGBA"), shown(page, 1))
