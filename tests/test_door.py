"""The door lets one process in, whatever its user and however long the path, and shuts behind it."""

import os
import socket
import subprocess
import sys

from autograder.door import Door

COME = (
    "import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(sys.argv[1])"
)


def test_a_long_path_is_no_hindrance_and_what_came_in_is_kept_when_it_shuts(tmp_path):
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    with Door(folder) as door:
        assert (folder / Door.NAME).stat().st_mode & 0o777 == 0o666  # for a container's own root
        place = ["-c", COME, Door.NAME]
        process = subprocess.Popen([sys.executable, *place], cwd=folder)
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


def test_a_second_one_finds_it_shut(tmp_path):
    with Door(tmp_path), socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET):
        pass
    assert list(tmp_path.iterdir()) == []
