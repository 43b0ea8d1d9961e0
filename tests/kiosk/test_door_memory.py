"""The door's lock-out is on the disk, and no state of the disk stops the box."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import gevent
import pytest

from agent.files import state_folder
from agent.kiosk.door_memory import FILE_NAME, DoorMemory
from hw.panel.lockout import LockoutRecord
from tests.kiosk.stage import Box, Phone, Site

LOCKED = LockoutRecord(wrong=0, lockouts=2, is_locked=True)


def until_written(memory: DoorMemory) -> None:
    with gevent.Timeout(10):
        while memory._writer is not None:
            memory._writer.join()


def test_what_is_remembered_is_there_after_a_restart_and_for_nobody_else(tmp_path: Path) -> None:
    memory = DoorMemory(tmp_path / "state")
    assert memory.load() == LockoutRecord()
    memory.remember(LockoutRecord(wrong=1))
    memory.remember(LOCKED)
    until_written(memory)

    assert DoorMemory(tmp_path / "state").load() == LOCKED
    assert stat.S_IMODE((tmp_path / "state" / FILE_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_a_door_at_which_nobody_is_wrong_writes_nothing(tmp_path: Path) -> None:
    memory = DoorMemory(tmp_path / "state")
    memory.load()
    memory.remember(LockoutRecord())

    assert memory._writer is None
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[1]", b"\xff\xfe", b"null", b'{"wrong": "1"}', b'{"wrong": -1, "lockouts": 0}', b"[" * 4000,
     b'{"wrong": 1e400, "lockouts": 0}', b'{"wrong": 0, "lockouts": 99999999999}', b"{}" + b" " * 5000],
)  # fmt: skip
def test_a_damaged_memory_is_told_and_begun_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture, text: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(text)

    assert DoorMemory(tmp_path).load() == LockoutRecord()
    assert "was not read" in caplog.text


def test_a_disk_that_cannot_be_written_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the place of the folder")
    memory = DoorMemory(tmp_path / "file" / "state")
    memory.load()
    for wrong in (1, 2, 3):
        memory.remember(LockoutRecord(wrong=wrong))
        until_written(memory)

    assert len([record for record in caplog.records if "remembering the door's lock-out failed" in record.message]) == 1


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"STATE_DIRECTORY": "/var/lib/kiosk-agent:/var/lib/other"}, "/var/lib/kiosk-agent"),
        ({"XDG_STATE_HOME": "/home/x/state"}, "/home/x/state/kiosk-agent"),
        ({"STATE_DIRECTORY": "", "XDG_STATE_HOME": ""}, str(Path.home() / ".local/state/kiosk-agent")),
    ],
)
def test_state_belongs_where_the_service_or_the_user_has_it(environ: dict[str, str], folder: str) -> None:
    assert str(state_folder(environ)) == folder


def test_a_lock_out_outlives_the_box_and_ends_by_itself(
    site: Site, visitor: Phone
) -> None:
    first = site.box()
    in_call(first, visitor).send_digits("8888w9999")
    first.until_told("door code wrong", times=2)
    until_written(first.kiosk.doorway._memory)
    first.kiosk.stop()

    second = site.box()
    assert second.status["door"] == {"open": False, "locked": True}
    in_call(second, visitor, times=2).send_digits("1234")
    second.until_told("door code locked")

    second.kiosk.doorway._code.lockout._until = 0.0
    second.kiosk.doorway._unlocked()
    until_written(second.kiosk.doorway._memory)
    second.kiosk.stop()
    assert site.box().status["door"] == {"open": False, "locked": False}


def in_call(box: Box, visitor: Phone, times: int = 1) -> Any:
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    visitor.until_told("accept", times=times)
    return visitor.call
