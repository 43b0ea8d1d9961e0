"""What the program keeps is for its user alone, whatever the umask; and nobody else decides what it finds there."""

from __future__ import annotations

import datetime as dt
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.errors import ConfigError
from agent.files import make_private_folder, write_private
from agent.kiosk.door_memory import DoorMemory
from agent.kiosk.page import KEY_NAME, PageHost
from agent.page.settings import PageSettings
from agent.service.control import ControlServer
from agent.switchboard.state_dir import StateDir
from hw.panel.lockout import LockoutRecord
from tests.page.conftest import RecordingBox


@pytest.fixture
def careless() -> Iterator[None]:
    """A process that takes nothing away from the modes of its files."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    return [str(path) for path in [folder, *folder.rglob("*")] if stat.S_IMODE(path.stat().st_mode) & 0o077]


@pytest.mark.usefixtures("careless")
def test_every_file_that_is_kept_is_for_its_owner_alone(tmp_path: Path) -> None:
    state, run = tmp_path / "state", tmp_path / "run"
    StateDir(state, ["localhost"], dt.datetime.now(dt.UTC))
    memory = DoorMemory(state)
    memory.remember(LockoutRecord(wrong=1))
    assert memory._writer is not None
    memory._writer.join()
    control = ControlServer(run / "control.sock", {})
    control.start()
    host = PageHost(PageSettings(listen="127.0.0.1:0"), RecordingBox(), lambda _why: None, control.beside(KEY_NAME))
    page = host._try()
    assert page is not None

    kept = {path.name for path in [*state.iterdir(), *run.iterdir()]}
    assert kept == {"api_key.json", "authority.pem", "ca.pem", "server.pem", "door.json", "control.sock", "page.key"}
    assert open_to_others(state) + open_to_others(run) == []
    page.close()
    control.close()


@pytest.mark.usefixtures("careless")
def test_a_file_that_is_replaced_loses_its_wide_mode(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old")
    write_private(path, b"new")

    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)


def test_a_folder_in_which_anybody_may_put_a_file_keeps_no_secrets(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigError, match=f"chmod o-w {tmp_path}"):
        make_private_folder(tmp_path)
