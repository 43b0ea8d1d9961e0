"""One credential a box: made, found, taken back, and followed by whoever has the folder open."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from agent.errors import InvalidArgumentError
from agent.signaling.token.fetch import read_key
from agent.switchboard.box_keys import BoxKeys, parse_key
from agent.switchboard.state_dir import StateDir, load_api_key

ACCOUNT, APPLICATION = "AC" + "1" * 32, "AP" + "0" * 32


def add(keys: BoxKeys, name: str) -> str:
    return keys.add(name, ACCOUNT, APPLICATION).key_sid


def test_who_has_it_open_follows_what_another_changes(tmp_path: Path) -> None:
    running, by_hand = BoxKeys(tmp_path), BoxKeys(tmp_path)
    door, gate = add(by_hand, "door"), add(by_hand, "gate")
    assert running.find(door) is None
    assert running.refresh() == []
    found = running.find(door)
    assert found is not None and (found.identity, found.account_sid) == ("door", ACCOUNT)
    by_hand.remove("door")
    assert [key.key_sid for key in running.refresh()] == [door]
    assert running.find(door) is None and running.find(gate) is not None
    assert running.refresh() == []


def test_each_credential_is_its_own_file_for_its_owner_alone(tmp_path: Path) -> None:
    keys = BoxKeys(tmp_path)
    sids = {add(keys, name) for name in ("door", "gate/2", "Türe " + "ü" * 110)}
    files = list((tmp_path / "boxes").iterdir())
    assert {file.stem for file in files} == sids
    assert (tmp_path / "boxes").stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)


@pytest.mark.parametrize("name", ["", " door", "door\n", "x" * 122, "echo", "noanswer", "a\x1bb"])
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidArgumentError):
        add(BoxKeys(tmp_path), name)
    assert BoxKeys(tmp_path).all() == []


def test_a_name_has_one_credential_and_gets_another_after_its_end(tmp_path: Path) -> None:
    keys = BoxKeys(tmp_path)
    first = add(keys, "door")
    with pytest.raises(InvalidArgumentError, match="remove that first"):
        add(BoxKeys(tmp_path), "door")
    keys.remove("door")
    with pytest.raises(InvalidArgumentError, match="has no credential"):
        keys.remove("door")
    assert add(keys, "door") != first


@pytest.mark.parametrize("damage", [b"", b"torn", b"[]", b"{}", b"[" * 9000, b'{"account_sid": "AC"}'])
def test_a_torn_one_costs_its_own_box_and_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes
) -> None:
    keys = BoxKeys(tmp_path)
    door, gate = add(keys, "door"), add(keys, "gate")
    (tmp_path / "boxes" / f"{door}.json").write_bytes(damage)
    again = BoxKeys(tmp_path)
    assert again.find(door) is None and again.find(gate) is not None
    assert f"{door}.json" in caplog.text


def test_a_file_that_names_another_key_or_nobody_gives_no_access(tmp_path: Path) -> None:
    keys, site = BoxKeys(tmp_path), load_api_key(tmp_path)
    door = add(keys, "door")
    folder = tmp_path / "boxes"
    (folder / "copy.json").write_bytes((folder / f"{door}.json").read_bytes())
    (folder / f"{site.key_sid}.json").write_bytes((tmp_path / "api_key.json").read_bytes())
    keys.remove("door")
    assert BoxKeys(tmp_path).all() == []


def test_the_sites_key_is_found_beside_them_and_written_as_ever(tmp_path: Path) -> None:
    site = load_api_key(tmp_path)
    assert b"identity" not in (tmp_path / "api_key.json").read_bytes()
    keys = BoxKeys(tmp_path)
    door = add(keys, "door")
    assert read_key(tmp_path / "boxes" / f"{door}.json") == keys.find(door)
    assert parse_key(b'{"account_sid": "A", "key_sid": "K", "secret": "s", "of": "later"}').identity == ""
    state = StateDir(tmp_path, ("localhost",), dt.datetime(2026, 5, 1, tzinfo=dt.UTC))
    assert state.find_key(site.key_sid) == site
    assert state.find_key(door) == keys.find(door)
    assert state.find_key("SKother") is None
