"""What a child says, one frame after the other: a line of JSON, then as many bytes as it names."""

import json
import os


def write_frame(pipe, kind, payload=b"", **about):
    """Write a frame to a file descriptor: its kind, what it is about, and the payload."""
    head = json.dumps({"kind": kind, "size": len(payload)} | about).encode()
    rest = memoryview(head + b"\n" + payload)
    while rest:
        rest = rest[os.write(pipe, rest) :]


LONGEST_HEAD = 64_000  # bytes


def read_frames(data):
    """The frames in some bytes, up to the first that is broken off or is none.

    Yields:
        ``(head, payload)``; the head is a dict with `kind` and `size`.
    """
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        head = _head(data[start:end])
        if head is None or end + 1 + head["size"] > len(data):
            return
        start = end + 1 + head["size"]
        yield head, data[end + 1 : start]


def _head(line):
    if len(line) > LONGEST_HEAD:
        return None
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(head, dict) or not isinstance(head.get("kind"), str):
        return None
    size = head.get("size")
    return head if type(size) is int and size >= 0 else None
