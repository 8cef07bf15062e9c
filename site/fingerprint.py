"""A hash of the files that something was made of, to tell whether it is still current."""

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def fingerprint(names, rooms, others=()):
    """Hash the files `names`, all files in the folders `rooms`, and the texts `others`."""
    in_rooms = [file for room in rooms for file in (ROOT / room).rglob("*")]
    digest = hashlib.sha256()
    for file in sorted([ROOT / name for name in names] + in_rooms):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    for text in others:
        digest.update(f"{text}\n".encode())
    return digest.hexdigest()
