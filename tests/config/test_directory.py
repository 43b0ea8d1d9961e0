"""What is wrong in [directory], and between it and the buttons, is told before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import doubts, load
from agent.config.directory import MOST_TARGETS
from agent.signaling.sip.sip_calls import MOST_TARGETS as SIP_MOST_TARGETS
from agent.switchboard.dial_params import MOST_NAMES
from tests.config.test_contradictions import problems

DIGITS = "".join(f'[buttons.d{n}]\npin = {n + 2}\nshort = "digit:{n}"\n' for n in (1, 2))
NIGHT = '[directory.a]\ntargets = ["b"]\nnight_targets = ["c"]\n'
SIP = '[signaling]\nprotocol = "sip"\n[sip]\nedges = ["wss://pbx.example.org/ws"]\ndomain = "example.org"\n'


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ("[directory.a]\ntargets = []", "directory.a", "at least one name or number"),
        ("[directory.a]", "directory.a", 'the key "targets" is missing'),
        ('[directory.a]\ntargets = "b"', "directory.a.targets", "a list"),
        ('[directory.a]\ntargets = ["b,c"]', "directory.a.targets", "without blanks and commas"),
        ('[directory.a]\ntargets = [""]', "directory.a.targets", "one name or number"),
        ('[directory.a]\ntargets = ["client:"]', "directory.a.targets", "one name or number"),
        ('[directory.a]\ntargets = ["b", "b"]', "directory.a", "each once"),
        (f"[directory.a]\ntargets = {[f'b{n}' for n in range(11)]}", "directory.a", "at most 10"),
        ('[directory.a]\ntargets = ["b"]\nring = "in turn"', "directory.a.ring", 'did you mean "in_turn"?'),
        ('[directory.a]\ntargets = ["b"]\nring_s = 0', "directory.a.ring_s", "from 3 to 600"),
        ('[directory.a]\ntargets = ["b"]\nfallback = "c"', "directory.a.fallback", "no entry [directory.c]"),
        ('[directory.a]\ntargets = ["b"]\nfallback = "a"', "directory.a.fallback", "a - a"),
        ('[directory.a]\ntargets = ["b"]\nnumber = "1a"', "directory.a.number", "1 to 8 digits"),
        ('[directory.a]\ntargets = ["b"]\nnumber = 12', "directory.a.number", "quotation marks"),
        ('[directory.a]\ntargets = ["b"]\nnumber = "123456789"', "directory.a.number", "1 to 8 digits"),
        ('[directory.a]\ntargets = ["b"]\nnumber = "12"', "directory.a.number", "expected one with digit:1"),
        ('[directory.a]\ntargets = ["b"]\nnight_targets = ["c"]', "directory.a", "night_targets needs a night"),
        ('[directory.a]\ntargets = ["b"]\nnight_days = ["sat"]', "directory.a", "nobody is called at night"),
        (NIGHT + 'night_from = "22:00"', "directory.a", "end is missing"),
        (NIGHT + 'night_from = "25:00"', "directory.a.night_from",
         "a time of day"),
        (NIGHT + 'night_from = "22:00"\nnight_to = "22:00"', "directory.a",
         "no time lies between them"),
        (NIGHT + 'night_days = ["Sat"]', "directory.a.night_days",
         'did you mean "sat"?'),
        ('[buttons.a]\npin = 5\nshort = "bell"', "buttons.a.short", "bell:WHOM"),
        ('[buttons.a]\npin = 5\nshort = "bell:"', "buttons.a.short", "does not say whom to call"),
        ('[buttons.a]\npin = 5\nshort = "digit:12"', "buttons.a.short", "names no digit"),
        ('[buttons.a]\npin = 5\nshort = "digit:#"', "buttons.a.short", "names no digit"),
        ('[buttons.a]\npin = 5\nshort = "dial"', "buttons.a.short", "nothing to dial"),
        ('[buttons.a]\npin = 5\nshort = "clear"', "buttons.a.short", "nothing to clear"),
        ('[directory.a]\ntargets = ["b", "client:kiosk"]', "directory.a.targets", "is this box itself"),
        ('[buttons.a]\npin = 5\nlong = "call:client:kiosk"', "buttons.a.long", "is this box itself"),
        ('[buttons.a]\npin = 5\nshort = "call:b?To=c"', "buttons.a.short", "To is whom it calls"),
        (DIGITS + '[buttons.a]\npin = 5\nshort = "dial"', "buttons.a.short", "it dials nobody"),
        (SIP + '[buttons.a]\npin = 5\nshort = "call:b%2Chttp:c"', "buttons.a.short", "at place 5"),
        (SIP + '[directory.a]\ntargets = ["client:b"]', "directory.a.targets", '"b"'),
        (SIP + '[buttons.a]\npin = 5\nshort = "bell:client:b"', "buttons.a.short", '"bell:b"'),
    ],
)  # fmt: skip
def test_a_slip_is_told_with_what_to_write(tmp_path: Path, text: str, key: str, remedy: str) -> None:
    found = [line for line in problems(tmp_path, text) if f" {key}: " in f" {line}"]
    assert len(found) == 1, found
    assert remedy in found[0]


def test_entries_that_lead_round_are_told_once_each_and_one_that_only_leads_there_is_not(tmp_path: Path) -> None:
    entries = "".join(f'[directory.{name}]\ntargets = ["x"]\nfallback = "{to}"\n' for name, to in ("ab", "bc", "cb"))
    found = problems(tmp_path, entries)
    assert [line.split(": ")[1] for line in found] == ["directory.b.fallback", "directory.c.fallback"]
    assert "b - c - b" in found[0]


def test_a_number_that_two_have_is_told(tmp_path: Path) -> None:
    entries = "".join(f'[directory.{name}]\ntargets = ["x"]\nnumber = "12"\n' for name in "ab")
    (line,) = problems(tmp_path, DIGITS + entries)
    assert "directory.b.number: a has it already" in line


def test_a_panel_with_numbers_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(DIGITS + '[directory.a]\ntargets = ["x", "+4930"]\nnumber = "12"\nring = "all"')
    assert load(path).directory["a"].targets == ("x", "+4930")


def test_several_can_ring_together_by_sip_too(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(SIP + '[directory.a]\ntargets = ["b", "+4930", "sip:c@example.com"]\nring = "all"')
    assert load(path).directory["a"].ring == "all"
    assert MOST_TARGETS == SIP_MOST_TARGETS == MOST_NAMES


def test_a_name_that_is_spelled_like_an_entry_is_doubted_and_one_of_somebody_else_is_not(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[directory.house]\ntargets = ["hose"]\n'
        '[buttons.a]\npin = 5\nshort = "bell:hause"\nlong = "call:hose"\n'
        '[buttons.b]\npin = 6\nshort = "call:reception"\n'
    )
    (doubt,) = doubts(path, load(path))
    assert "buttons.a.short: no entry of [directory] has this name; did you mean 'house'?" in doubt


def test_a_target_that_looks_like_an_entry_is_doubted_and_one_that_is_the_same_person_is_not(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[directory.house]\ntargets = ["flats", "office"]\n[directory.flats]\ntargets = ["first"]\n'
                    '[directory.office]\ntargets = ["office"]\n')  # fmt: skip

    (doubt,) = doubts(path, load(path))

    assert "directory.house.targets" in doubt and "'flats'" in doubt
