"""A core that is damaged or was built for something else is refused in one line, and the Python way is taken."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.media.native import build, core, elf
from agent.media.native.build import STAMP, fingerprint

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    return tmp_path


def library(folder: Path) -> Path:
    return folder / json.loads((folder / STAMP).read_text())["file"]


def stamped(folder: Path, **changes: object) -> None:
    stamp = json.loads((folder / STAMP).read_text())
    (folder / STAMP).write_text(json.dumps({**stamp, **changes}))


def cut_off(folder: Path) -> None:
    """As by a full disk; loading it would end the process."""
    file = library(folder)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def emptied(folder: Path) -> None:
    library(folder).write_bytes(b"")


def one_bit_flipped(folder: Path) -> None:
    data = bytearray(library(folder).read_bytes())
    data[len(data) // 2] ^= 1
    library(folder).write_bytes(data)


def gone(folder: Path) -> None:
    library(folder).unlink()


def of_another_python(folder: Path) -> None:
    stamped(folder, python="cpython-399-x86_64-linux-gnu")


def of_another_machine(folder: Path) -> None:
    stamped(folder, machine="riscv64")


def of_another_version(folder: Path) -> None:
    stamped(folder, source="0" * 64)


def stamp_damaged(folder: Path) -> None:
    (folder / STAMP).write_text((folder / STAMP).read_text()[:40])


def stamp_without_fields(folder: Path) -> None:
    (folder / STAMP).write_text("[]")


def stamp_not_text(folder: Path) -> None:
    (folder / STAMP).write_bytes(b"\xff\xfe\x00")


def stamp_of_a_file_elsewhere(folder: Path) -> None:
    stamped(folder, file="../" + library(folder).name)


def another_library_in_its_place(folder: Path) -> None:
    """Whole, and with the right hash, but no module."""
    import _cffi_backend

    library(folder).write_bytes(Path(_cffi_backend.__file__).read_bytes())
    stamped(folder, sha256=fingerprint(library(folder)))


def text_in_its_place(folder: Path) -> None:
    library(folder).write_text("#!/bin/sh")
    stamped(folder, sha256=fingerprint(library(folder)))


def cut_off_before_it_was_stamped(folder: Path) -> None:
    """As by a full disk at the wrong moment: the stamp is right, and loading would end the process all the same."""
    data = library(folder).read_bytes()
    library(folder).write_bytes(data[: max(elf._ends(data)) // 2])
    stamped(folder, sha256=fingerprint(library(folder)))


def folder_in_its_place(folder: Path) -> None:
    file = library(folder)
    file.unlink()
    file.mkdir()


def pipe_in_its_place(folder: Path) -> None:
    """Nobody writes to it: whoever waits for that waits for ever."""
    file = library(folder)
    file.unlink()
    os.mkfifo(file)


def pipe_in_place_of_the_stamp(folder: Path) -> None:
    (folder / STAMP).unlink()
    os.mkfifo(folder / STAMP)


def stamp_without_end(folder: Path) -> None:
    (folder / STAMP).write_text("[" * 3_000)


def stamp_as_large_as_a_disk(folder: Path) -> None:
    with (folder / STAMP).open("wb") as file:
        file.truncate(1 << 40)


DAMAGES = [cut_off, emptied, one_bit_flipped, gone, of_another_python, of_another_machine, of_another_version,
           stamp_damaged, stamp_without_fields, stamp_not_text, stamp_of_a_file_elsewhere,
           another_library_in_its_place, text_in_its_place, cut_off_before_it_was_stamped, folder_in_its_place,
           pipe_in_its_place, pipe_in_place_of_the_stamp, stamp_without_end, stamp_as_large_as_a_disk]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_core_that_does_not_fit_is_refused_in_one_line(copy, caplog, damage):
    damage(copy)
    with caplog.at_level(logging.INFO):
        found = core.load(copy)
    assert found.module is None and found.why
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "\n" not in caplog.text.rstrip("\n") and core.BUILD in caplog.text


def test_each_library_that_is_whole_is_known_as_such_and_each_cut_through_what_is_mapped_too(built):
    data = library(built).read_bytes()
    mapped = max(elf._ends(data))
    assert elf.is_whole(data) and elf.is_whole(data[:mapped])
    assert not any(elf.is_whole(data[:length]) for length in range(4, mapped, 97))


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x7fELF\x01\x01", b"\x7fELF\x02\x02", b"\x7fELF\x02\x01"]))
def test_any_bytes_are_judged(data, head):
    assert elf.is_whole(head + data) in (True, False)


def test_a_core_that_was_never_built_is_nobodys_fault(tmp_path, caplog):
    assert core.load(tmp_path).module is None
    assert caplog.text == ""


def test_a_core_can_be_switched_off(built, monkeypatch, caplog):
    monkeypatch.setenv(core.SWITCH, "no")
    assert core.load(built).module is None
    assert caplog.text == ""


def test_which_way_is_taken_is_told(loaded, monkeypatch):
    monkeypatch.setattr(core, "verdict", lambda: loaded)
    assert core.in_use() and core.described() == "native"
    monkeypatch.setattr(core, "verdict", lambda: core.Verdict(None, "built for another python"))
    assert not core.in_use() and core.described().startswith("Python (native core: ")


@pytest.mark.parametrize("compiler", ["/bin/false", "/nowhere/cc"])
def test_whoever_builds_by_hand_is_told_in_one_line_why_that_fails(tmp_path, compiler):
    done = subprocess.run([sys.executable, "-m", "agent.media.native.build", str(tmp_path)], cwd=PROJECT, text=True,
                          env={**os.environ, "CC": compiler}, capture_output=True, check=False)  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].endswith(build.NEEDED)
    assert not list(tmp_path.iterdir())


def test_a_build_that_fails_leaves_what_was_there(copy, monkeypatch):
    before = {file.name: file.read_bytes() for file in copy.iterdir() if file.is_file()}
    broken = copy / "broken.c"
    broken.write_text("this is no C")
    monkeypatch.setattr(build, "SOURCE", broken)
    with pytest.raises(Exception, match=r"."):
        build.build(copy)
    broken.unlink()
    assert {file.name: file.read_bytes() for file in copy.iterdir()} == before
