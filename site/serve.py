"""Serve the built website on this machine: `python site/serve.py --port 8000`."""

import argparse
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PUBLISHED = Path(__file__).resolve().parent.parent / "_build/html"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="0 takes any free one")
    port = parser.parse_args().port
    if not (PUBLISHED / "index.html").is_file():
        sys.exit("There is no built site yet. Run: make site")
    try:
        server = site_server(PUBLISHED, port)
    except OSError as error:
        sys.exit(f"Port {port} cannot be used ({error.strerror}). Choose another one.")
    print(f"Serving http://127.0.0.1:{server.server_port}/ (stop with Ctrl-C)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()


class QuietHandler(SimpleHTTPRequestHandler):
    """Says nothing about requests that went well."""

    def log_request(self, code="-", size="-"):
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A reader who leaves a page while it loads is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def site_server(folder, port=0, handler=QuietHandler):
    """An HTTP server of `folder` on the loopback address; 0 takes any free port."""
    return _Server(("127.0.0.1", port), partial(handler, directory=str(folder)))


if __name__ == "__main__":
    main()
