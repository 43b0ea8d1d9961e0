"""What is wrong between doors, codes and buttons is told before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import doubts, load
from hw.panel.code_book import SALT_BYTES, hash_code
from tests.config.test_contradictions import problems

SALT = bytes(SALT_BYTES)
POST = hash_code("4711", SALT)
GATE = "[doors.gate]\npin = 19\n"


def code(name: str = "post", digits: str = "4711", more: str = "") -> str:
    return f'[codes.{name}]\nhash = "{hash_code(digits, SALT)}"\n{more}\n'


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ("[doors.gate]", "doors.gate", "the pin is missing"),
        ("[door]\npin = 19\n" + GATE, "doors.gate.pin", "used by door.pin already"),
        (GATE + "[doors.yard]\npin = 19", "doors.yard.pin", "used by doors.gate.pin already"),
        (GATE + "[buttons.a]\npin = 19", "doors.gate.pin", "used by buttons.a.pin already"),
        (GATE + "opened_by = []", "doors.gate.opened_by", "nothing may open this door"),
        (GATE + 'opened_by = ["buton"]', "doors.gate.opened_by", 'did you mean "button"?'),
        (GATE + "code = '1234'", "doors.gate.code", "it belongs into [door]"),
        (GATE + '[buttons.a]\npin = 5\nshort = "door:gait"', "buttons.a.short", "'door:gate'"),
        (GATE + '[buttons.a]\npin = 5\nshort = "door:"', "buttons.a.short", "names no door"),
        (GATE + "[doors.yard]\npin = 20\n[buttons.a]\npin = 5\nshort = 'door'", "buttons.a.short", "'door:yard'"),
        (GATE + "opened_by = ['page']\n[buttons.a]\npin = 5\nshort = 'door'", "buttons.a.short", '"button" in'),
        ("[door]\npin = 19\ncode = '1234'\nopened_by = ['button']", "door.code", '"code" in door.opened_by'),
        (code(), "codes.post", "expected a door that is opened by code"),
        (GATE + code(more='doors = ["yard"]'), "codes.post.doors", "no door 'yard'"),
        (GATE + "opened_by = ['page']\n" + code(more='doors = ["gate"]'), "codes.post.doors", "doors.gate.opened_by"),
        (GATE + code() + code("milk"), "codes.milk.hash", "post has the same code"),
        ("[door]\npin = 19\ncode = '4711'\n" + code(), "door.code", "post has the same code"),
        (GATE + "[codes.post]\nhash = '4711'", "codes.post", "kiosk-agent code NAME"),
        (GATE + f"[codes.post]\nhash = '{POST._replace(cost=2**30)}'", "codes.post", "kiosk-agent code NAME"),
        (GATE + f"[codes.post]\nhash = '{POST._replace(digits=2)}'", "codes.post", "2 digits; expected 3 to 16"),
        (GATE + code(more='begins = "08:00"'), "codes.post", "end is missing"),
        (GATE + code(more='begins = "8"\nends = "12:00"'), "codes.post.begins", "a time of day"),
        (GATE + code(more='days = ["monday"]'), "codes.post.days", 'did you mean "mon"?'),
    ],
)
def test_a_slip_is_told_with_what_to_write(tmp_path: Path, text: str, key: str, remedy: str) -> None:
    found = [line for line in problems(tmp_path, text) if f" {key}: " in f" {line}"]
    assert len(found) == 1, problems(tmp_path, text)
    assert remedy in found[0]


def test_no_hash_is_shown_whatever_is_wrong_with_it(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(GATE + code())
    assert POST.hash.hex() not in repr(load(path))
    assert POST.hash.hex() not in "".join(problems(tmp_path, GATE + f"[codes.post]\nhash = '{POST}x'"))


def test_a_short_code_is_taken_with_a_warning_hashed_or_not(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[door]\npin = 19\ncode = '927'\n" + code(digits="471") + code("staff", "92750"))
    assert [doubt.split(": ")[1] for doubt in doubts(path, load(path))] == ["door.code", "codes.post.hash"]


@pytest.mark.parametrize(
    ("ways", "more"),
    [("'button'", "[buttons.a]\npin = 5\nlong = 'door:gate'"), ("'code'", code()),
     ("'page'", ""), ("'http'", f"[api.keys.a]\nkey_hash = 'sha256:{'0' * 64}'"),
     ("'mqtt'", "[mqtt]\nhost = 'localhost'\nmay_open_door = true")],
)  # fmt: skip
def test_a_door_that_nothing_set_up_can_open_is_doubted(tmp_path: Path, ways: str, more: str) -> None:
    path = tmp_path / "config.toml"
    told = []
    for has_way in (False, True):
        closed = "[page]\nenabled = false\n" if ways == "'page'" and not has_way else ""
        path.write_text(f"{GATE}opened_by = [{ways}]\n{more if has_way else ''}\n{closed}")
        told.append([doubt for doubt in doubts(path, load(path)) if "stays shut" in doubt])

    assert [len(doubts_told) for doubts_told in told] == [1, 0]


def test_codes_that_cannot_be_compared_are_doubted(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(GATE + code(digits="47110") + f"[codes.milk]\nhash = '{hash_code('47110')}'\n")

    (doubt,) = doubts(path, load(path))

    assert "codes.milk.hash" in doubt and "post" in doubt
