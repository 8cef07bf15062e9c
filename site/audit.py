"""Measure the built site, page by page, into a table: `python site/audit.py [PAGE ...]`.

Lighthouse's four marks on a phone, what a page weighs before anything is clicked (gzip), and what
axe finds at 1280 and 390 pixels, light and dark. `--quick` leaves Lighthouse out.
"""

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from browser import find_chromium, open_page, show_widgets, start_browser
from serve import PUBLISHED, QuietHandler, site_server
from tqdm import tqdm
from vendor_scripts import find_node, find_npm

TOOLS = Path(__file__).with_name("audit")
WORK = PUBLISHED.parent / "audit"
MARKS = ("performance", "accessibility", "best-practices", "seo")
WINDOWS = [(width, theme) for width in (1280, 390) for theme in ("light", "dark")]
PACKED = {".html", ".css", ".js", ".svg", ".json", ".mjs", ".txt"}  # what hosts send with gzip
COLUMNS = ("page", *MARKS, "kB before a click", "requests", "axe")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="such as intro or saliency; all unless given")
    parser.add_argument("--quick", action="store_true", help="without Lighthouse")
    parser.add_argument("--folder", type=Path, default=PUBLISHED, help="of the built site")
    arguments = parser.parse_args()
    names = find_pages(arguments.folder, arguments.pages)
    with site_server(arguments.folder, handler=PackingHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        rows = audit(url, names, arguments.folder, arguments.quick)
        server.shutdown()
    write_table(rows)


def find_pages(folder, wanted):
    """Addresses of the site's pages within `folder`, the redirect at its root excepted."""
    files = [*folder.glob("chapters/*.html"), *folder.glob("*.html")]
    names = [str(f.relative_to(folder)) for f in sorted(files) if f != folder / "index.html"]
    names = [name for name in names if not wanted or Path(name).stem in wanted]
    if not names:
        sys.exit("There is no such page. Run: make site; then name pages as their files are.")
    return names


def audit(url, names, folder, quick):
    """One row for each page: a list as COLUMNS says."""
    lighthouse = None if quick else install_lighthouse()
    rows = []
    with start_browser() as browser:
        for name in tqdm(names, unit="page"):
            marks = lighthouse_marks(lighthouse, url + name) if lighthouse else ["–"] * len(MARKS)
            weight, requests = weigh(browser, url + name, folder)
            rows.append([name, *marks, weight, requests, axe_findings(browser, url + name)])
    return rows


def install_lighthouse():
    """The path of Lighthouse's command, fetched from npm at first."""
    command = WORK / "node_modules/lighthouse/cli/index.js"
    lock = TOOLS / "package-lock.json"
    if not command.is_file() or (WORK / lock.name).read_bytes() != lock.read_bytes():
        shutil.copytree(TOOLS, WORK, dirs_exist_ok=True)
        if subprocess.run([find_npm(), "ci", "--ignore-scripts"], check=False, cwd=WORK).returncode:
            sys.exit("npm could not fetch Lighthouse: check the connection, or give --quick.")
    return command


def lighthouse_marks(command, url):
    """Lighthouse's marks of 100 for one page, in the order of MARKS, on its simulated phone."""
    flags = "--headless=new --no-sandbox --disable-gpu"
    options = ["--output=json", "--quiet", f"--only-categories={','.join(MARKS)}"]
    result = subprocess.run(
        [find_node(), command, url, *options, f"--chrome-flags={flags}"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "CHROME_PATH": find_chromium()},
    )
    report = json.loads(result.stdout)
    (WORK / f"{Path(urlsplit(url).path).stem}.json").write_text(result.stdout)
    return [round(100 * report["categories"][mark]["score"]) for mark in MARKS]


def weigh(browser, url, folder):
    """What a phone fetches for the page before anything is touched: (kB with gzip, requests)."""
    requested = []
    page = open_page(
        browser, url, 390, "light", lambda p: p.on("request", lambda r: requested.append(r.url))
    )
    page.context.close()
    paths = {urlsplit(address).path for address in requested if address.startswith("http")}
    return round(sum(map(packed_size, (folder / p.lstrip("/") for p in paths))) / 1000), len(paths)


def packed_size(file):
    content = file.read_bytes()
    return len(gzip.compress(content)) if file.suffix in PACKED else len(content)


def axe_findings(browser, url):
    """What axe finds in any of the four windows: "rule (places)", or "none"."""
    found = {}
    for width, theme in WINDOWS:
        page = open_page(browser, url, width, theme)
        show_widgets(page)
        for violation in Axe().run(page).response["violations"]:
            found[violation["id"]] = max(found.get(violation["id"], 0), len(violation["nodes"]))
        page.context.close()
    return ", ".join(f"{rule} ({places})" for rule, places in sorted(found.items())) or "none"


class PackingHandler(QuietHandler):
    """Sends text with gzip, as hosts do."""

    def do_GET(self):
        file = Path(self.translate_path(self.path))
        if file.suffix not in PACKED or not file.is_file():
            super().do_GET()
            return
        content = gzip.compress(file.read_bytes())
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(file)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def write_table(rows):
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in [COLUMNS, *rows]]
    lines.insert(1, "|" + "---|" * len(COLUMNS))
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
