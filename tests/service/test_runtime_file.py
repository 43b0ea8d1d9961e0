from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from agent.errors import LocalFault
from agent.service.runtime_file import MOST_BYTES, RuntimeFile


@pytest.fixture
def file(tmp_path: Path) -> RuntimeFile:
    return RuntimeFile(tmp_path / "calls.json")


def test_what_was_saved_is_there_for_this_user_only(file: RuntimeFile) -> None:
    os.umask(before := os.umask(0))
    try:
        file.save(b"one")
    finally:
        os.umask(before)
    file.save(b"two")

    assert file.load() == b"two"
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.path.parent.iterdir()] == ["calls.json"]


def test_nothing_to_save_leaves_no_file(file: RuntimeFile) -> None:
    file.save(b"one")
    file.save(b"")
    file.save(b"")

    assert file.load() == b""
    assert not file.path.exists()


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o602, 0o666])
def test_a_file_that_others_could_use_is_not_believed(file: RuntimeFile, mode: int) -> None:
    file.save(b"one")
    file.path.chmod(mode)

    with pytest.raises(LocalFault, match="open to other users"):
        file.load()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_a_file_of_somebody_else_is_not_believed(file: RuntimeFile) -> None:
    file.save(b"one")
    os.chown(file.path, 12345, 12345)

    with pytest.raises(LocalFault, match="belongs to user 12345"):
        file.load()


def test_a_link_is_not_followed(file: RuntimeFile, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"x")
    file.path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(LocalFault, match="cannot be read"):
        file.load()
    file.save(b"mine")
    assert (tmp_path / "elsewhere").read_bytes() == b"x"
    assert file.load() == b"mine"


@pytest.mark.parametrize("make", [
    os.mkfifo,
    lambda path: path.mkdir(),
    lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
], ids=["pipe", "folder", "socket"])  # fmt: skip
def test_what_is_no_file_is_not_waited_for(file: RuntimeFile, make: object) -> None:
    make(file.path)  # type: ignore[operator]
    with pytest.raises(LocalFault):
        file.load()


def test_a_file_without_end_is_refused(file: RuntimeFile) -> None:
    file.save(b"x" * (MOST_BYTES + 1))

    with pytest.raises(LocalFault, match="more than"):
        file.load()


def test_a_folder_that_is_gone_is_told(file: RuntimeFile) -> None:
    file.path.parent.rmdir()

    with pytest.raises(OSError):
        file.save(b"one")
    assert file.load() == b""
