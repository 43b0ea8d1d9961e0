"""The programs under examples/ do what they say, against a switchboard in another process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from examples.answering_machine import name_of
from tests.examples.stage import Example, has_tone, write_tone

Run = Callable[..., Example]


def test_the_dialler_presses_keys_and_records_what_comes_back(run: Run, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    note = write_tone(tmp_path / "note.wav", 440, 5)

    status, said, complaint = run("dialler", "echo", "--digits", "12w#", "--speak", note, "--record", str(heard),
                                  "--seconds", "4").end()  # fmt: skip

    assert status == 0, complaint
    assert [line for line in said.splitlines() if "digit" in line] == ["digit 1", "digit 2", "digit #"]
    assert has_tone(heard, 440)


def test_the_dialler_says_why_it_was_not_answered(run: Run) -> None:
    status, _, complaint = run("dialler", "busy").end()

    assert status == 1
    assert complaint.strip() == "busy: 31486: Busy Here"


def test_the_dialler_gives_up_on_one_who_does_not_answer(run: Run) -> None:
    status, said, complaint = run("dialler", "noanswer", "--ring-seconds", "1").end()

    assert status == 1
    assert "ringing" in said
    assert "nobody answered within 1 s" in complaint


def test_an_example_says_what_is_wrong_with_its_key(run: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "key.json"
    wrong.write_text('{"account_sid": "AC1", "key_sid": "SK1", "secret": "not the secret of this switchboard, surely"}')

    status, _, complaint = run("dialler", "echo", "--key-file", str(wrong)).end()

    assert status == 1
    assert "the service cannot be used" in complaint


def test_the_answering_machine_greets_and_keeps_the_message(run: Run, tmp_path: Path) -> None:
    folder, heard = tmp_path / "messages", tmp_path / "heard.wav"
    greeting, message = write_tone(tmp_path / "greeting.wav", 700, 1), write_tone(tmp_path / "message.wav", 440, 6)
    machine = run("answering_machine", "--greeting", greeting, "--folder", str(folder), "--messages", "1")
    machine.until_it_says("ready")

    caller = run("dialler", "answering-machine", "--identity", "alice", "--speak", message, "--record", str(heard),
                 "--seconds", "3")  # fmt: skip

    ended = caller.end()
    assert ended[0] == 0, ended
    assert machine.end()[0] == 0
    (kept,) = folder.iterdir()
    assert kept.name.endswith("-client-alice.wav")
    assert has_tone(kept, 440)
    assert has_tone(heard, 700)


def test_a_hash_key_ends_the_message(run: Run, tmp_path: Path) -> None:
    machine = run("answering_machine", "--folder", str(tmp_path), "--messages", "1")
    machine.until_it_says("ready")

    status, said, _ = run("dialler", "answering-machine", "--digits", "ww#", "--seconds", "100").end()

    assert status == 0
    assert said.splitlines()[-1] == "accept"  # the machine hung up long before the 100 s were over
    assert machine.end()[0] == 0


@pytest.mark.parametrize(
    ("caller", "name"),
    [("client:alice", "client-alice"), ("+4930123", "+4930123"), ("../../etc/passwd", "etc-passwd"), ("", "unknown"),
     ("ünïcode/\x00", "n-code"), ("x" * 300, "x" * 40)],
)  # fmt: skip
def test_a_message_is_named_by_its_caller_and_never_leaves_its_folder(caller: str, name: str) -> None:
    call: Any = SimpleNamespace(parameters={"From": caller})

    assert name_of(call).split("-", 5)[-1].removesuffix(".wav").endswith(name)
    assert "/" not in name_of(call)


def test_the_quality_monitor_writes_a_line_a_second(run: Run) -> None:
    status, said, complaint = run("quality_monitor", "--seconds", "5").end()

    table = [line for line in said.splitlines() if not line.startswith("#")]
    assert status == 0, complaint
    assert table[0] == "mos,rtt,jitter,packetsLostFraction,packetsReceived,codecName"
    assert 3 <= len(table[1:]) <= 6
    assert all(line.count(",") == table[0].count(",") for line in table)
    assert "# mean MOS" in said


def test_the_quality_monitor_fails_for_a_call_that_is_not_good_enough(run: Run) -> None:
    assert run("quality_monitor", "--seconds", "4", "--least-mos", "5").end()[0] == 1
    assert run("quality_monitor", "busy").end()[0] == 1


def test_the_messenger_is_a_program_of_the_later_sdk(run: Run) -> None:
    status, said, complaint = run("messenger", "echo", "--say", "hello", "--seconds", "2").end()

    assert status == 0, complaint
    lines = said.splitlines()
    assert lines[0] == "registered as messenger" and "accept" in lines
    assert any(line.startswith(("messageSent", "error")) for line in lines)  # nobody reads messages at the echo
