"""The door lets one process in, whoever runs it and however long the path, and then shuts."""

import os
import subprocess
import sys

from autograder.door import Door

COME = """
import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(sys.argv[1])
"""


def test_a_long_path_is_no_hindrance_and_what_came_in_is_kept_when_it_shuts(tmp_path):
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    with Door(folder) as door:
        assert (folder / Door.NAME).stat().st_mode & 0o777 == 0o666  # for a container's own root
        process = subprocess.Popen([sys.executable, "-c", COME, Door.NAME], cwd=folder)
        connection = door.open(process, 60)
    with connection:
        assert connection.recv(1) == b"" and process.wait() == 0
    assert os.listdir(folder) == []


def test_who_ends_before_coming_is_not_waited_for(tmp_path):
    with Door(tmp_path) as door:
        assert door.open(subprocess.Popen(["true"]), 3600) is None


def test_who_does_not_come_is_not_waited_for_for_ever(tmp_path):
    with subprocess.Popen(["sleep", "60"]) as process, Door(tmp_path) as door:
        assert door.open(process, 0.3) is None
        process.kill()
