"""The lab in Chromium beside Python: time of a pass, bytes before and after the click, gaps."""

import gzip
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from browser import find_chromium, start_browser
from export_graph import build_lab
from gradient_graph import GradientGraph, example_arguments, round_weights
from lab_page import lab_server, open_lab, run
from vendor_scripts import vendor_scripts

from benchmarks.side_by_side import print_ratios, seconds
from course_lib import load_model, load_photo

ROOT = Path(__file__).resolve().parent.parent
NAME = "efficientnet_lite0"
EXTRA = ROOT / "_build/extra"
PREPARE = """async (name) => {
  const base = new URL("../lab/", location.href);
  const { loadEngine } = await import(new URL("engine.js", base));
  const { stack } = await import(new URL("planes.js", base));
  const manifest = await (await fetch(new URL("lab.json", base))).json();
  const engine = await loadEngine(base, manifest, name, () => {});
  const image = stack(3, 224, 224).data.fill(0.5);
  window.pass = () => engine.pass(stack(3, 224, 224, image), { target: 235 }).then(() => null);
}"""
WATCH = """() => {
  window.longest = window.longestTask = 0;
  const observer = new PerformanceObserver((list) => {
    const durations = list.getEntries().map(({ duration }) => duration);
    window.longestTask = Math.max(window.longestTask, ...durations);
  });
  observer.observe({ type: "longtask" });
  let last = performance.now();
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    const now = performance.now();
    window.longest = Math.max(window.longest, now - last);
    last = now;
    channel.port2.postMessage(0);
  };
  channel.port2.postMessage(0);
}"""


def main():
    """Print times of a pass forward and back at 224 x 224, one thread each; then the page's."""
    vendor_scripts(EXTRA / "vendor")
    build_lab(EXTRA / "lab")
    if find_chromium() is None:
        return print("  No Chromium here, so nothing is measured.")
    torch.set_num_threads(1)
    with lab_server(EXTRA) as address, start_browser() as browser:
        compare_passes(browser, address)
        weigh_page(browser, address)


def compare_passes(browser, address):
    page = browser.new_page()
    page.goto(address)
    page.evaluate(PREPARE, NAME)
    python, autograd = _python_passes()
    print_ratios(
        seconds(
            {
                "torch": autograd,
                "ONNX Runtime in Python": python,
                "ONNX Runtime in Chromium (wasm)": lambda: page.evaluate("window.pass()"),
            }
        )
    )
    page.close()


def _python_passes():
    from export_graph import NETWORKS

    model = round_weights(load_model(NAME))
    _, taps = NETWORKS[NAME]
    X = model.preprocess(load_photo("dog"))
    _, scores, *rest = example_arguments(model, taps, X)
    scores[0, 235] = 1
    arguments = (X, scores, *rest)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    graph = gzip.decompress((EXTRA / f"lab/{NAME}.onnx.gz").read_bytes())
    session = onnxruntime.InferenceSession(graph, options)
    names = [entry.name for entry in session.get_inputs()]
    feeds = {name: np.asarray(value) for name, value in zip(names, arguments, strict=True)}
    gradients = GradientGraph(model, taps)
    wanted = ["scores", "image_gradient"]
    return lambda: session.run(wanted, feeds), lambda: gradients(*arguments)


def weigh_page(browser, address):
    """Bytes before and after the click, and how long the page's own thread was ever busy."""
    page = browser.new_page()
    sizes = []
    page.on("requestfinished", lambda r: sizes.append(r.sizes()["responseBodySize"]))
    page.goto(address, wait_until="networkidle")
    before = sum(sizes)
    page.close()
    page = browser.new_page()
    sizes.clear()
    page.on("requestfinished", lambda r: sizes.append(r.sizes()["responseBodySize"]))
    open_lab(page, address, technique="deepdream", photo="dog", steps=5)
    page.wait_for_load_state("networkidle")
    page.evaluate(WATCH)
    frames = run(page)["step"]
    gap, task = page.evaluate("[window.longest, window.longestTask]")
    print(f"  before the click {before / 1e6:.2f} MB, with it {sum(sizes) / 1e6:.2f} MB")
    print(f"  longest gap of the page's thread in {frames} steps of DeepDream: {gap:.0f} ms")
    # A gap without a long task is the machine's: another process had the core.
    print(f"  longest task of the page itself: {f'{task:.0f} ms' if task else 'under 50 ms'}")
    page.close()


if __name__ == "__main__":
    main()
