"""A page that holds the gradient lab and nothing else, for tests and the benchmark."""

from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler
from threading import Thread

from serve import site_server

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Lab</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<main><h1>Lab</h1><div class="gradient-lab"></div></main>
<script type="module" src="../lab/lab.js"></script></html>"""
# What a strict host may send; WebAssembly needs the one exception.
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'none'"
)
HEAVY = (".gz", ".wasm", ".onnx", "worker.js", ".mjs")


class Handler(SimpleHTTPRequestHandler):
    """The lab's files, its page, and a strict policy."""

    def do_GET(self):
        if not self.path.startswith("/course/chapters/lab.html"):
            self.path = self.path.removeprefix("/course")
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def end_headers(self):
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *args):
        pass


@contextmanager
def lab_server(extra):
    """Serve the folder that holds lab/ and vendor/; gives the page's address."""
    with site_server(extra, handler=Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/course/chapters/lab.html"
        server.shutdown()


LISTEN = """() => document.querySelector(".gradient-lab").addEventListener("lab-frame", (event) => {
  window.frames_seen = (window.frames_seen ?? 0) + 1;
  document.documentElement.dataset.frames = window.frames_seen;
  window.last = event.detail;
})"""
READ = """() => ({
  values: [...(window.last.map ?? window.last.picture).data], scores: [...window.last.scores],
  step: window.last.step, meters: window.last.meters, frames: window.frames_seen,
})"""


def open_lab(page, address, **experiment):
    """Open the page with settings in its link, and press Start."""
    settings = "&".join(f"{name}={value}" for name, value in experiment.items())
    page.goto(f"{address}#{settings}")
    page.reload()  # another hash alone loads nothing
    page.evaluate(LISTEN)
    start(page)


def start(page):
    """Press Start and wait until the first picture has been looked at."""
    page.get_by_role("button", name="Start the lab").click()
    page.locator(".lab-top li").first.wait_for(state="attached", timeout=120_000)


def run(page):
    """Press Run, wait for the end, and give the last frame."""
    before = page.evaluate("window.frames_seen ?? 0")
    page.get_by_role("button", name="Run", exact=True).click()
    another = page.locator(f'html[data-frames]:not([data-frames="{before}"])')
    another.wait_for(state="attached", timeout=240_000)  # by then it may have ended
    return result(page)


def result(page):
    """The last frame, once nothing runs."""
    page.locator(".gradient-lab:not([data-running])").wait_for(timeout=240_000)
    page.locator(".lab-stage figure:nth-child(2):not(.lab-empty)").wait_for()
    return page.evaluate(READ)
