"""A content security policy on each page, as strict as a static host without headers allows."""

import base64
import hashlib
import re

INLINE = re.compile(
    r"<script(?P<attributes>(?![^>]*\bsrc=)[^>]*)>(?P<code>.*?)</script>", re.DOTALL
)
DATA = re.compile(r'\btype="(?!text/javascript|module)')
CHARSET = re.compile(r'<meta charset="utf-8" ?/?>')
RULES = {
    "default-src": "'self'",
    # WebAssembly runs the networks of the lab.
    "script-src": "'self' 'wasm-unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",  # widgets and formulas are laid out by style attributes
    "img-src": "'self' data: blob:",  # blob: a visitor's own photograph
    "media-src": "'self' blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}


def seal(html):
    """The page with a policy that lets its own scripts run, those inside it by their hashes."""
    scripts = [m["code"] for m in INLINE.finditer(html) if not DATA.search(m["attributes"])]
    hashes = dict.fromkeys(f"'sha256-{_hash(code)}'" for code in scripts)
    rules = {**RULES, "script-src": " ".join([RULES["script-src"], *hashes])}
    content = "; ".join(f"{name} {sources}" for name, sources in rules.items())
    tag = f'<meta http-equiv="Content-Security-Policy" content="{content}" />'
    sealed, count = CHARSET.subn(lambda match: f"{match[0]}\n    {tag}", html, count=1)
    if not count:
        raise ValueError("A page does not say that it is UTF-8, which is where its policy goes.")
    return sealed


def _hash(code):
    return base64.b64encode(hashlib.sha256(code.encode()).digest()).decode("ascii")
