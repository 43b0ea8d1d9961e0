"""The replay must notice what it is there to notice: each test changes a recording and looks for the difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from . import compare, deviations
from .replay import Replay
from .test_conformance import GIVEN
from .transcript import Line, Transcript

Change = Callable[[Line], Line | None]


def differences(tmp_path: Path, scenario: str, change: Change) -> list[str]:
    """Plays a scenario as recorded and holds it against a changed record."""
    transcript = Transcript.read(GIVEN / f"{scenario}.jsonl")
    replay = Replay(transcript, tmp_path)
    replay.run()
    changed = tuple(new for line in transcript.lines if (new := change(line)) is not None)
    replay.transcript = replace(transcript, lines=changed)
    return compare.differences(replay)


def event(name: str) -> Callable[[Line], bool]:
    return lambda line: line.kind == "event" and line["obj"] == "connection" and line["name"] == name


def frame(type_: str) -> Callable[[Line], bool]:
    return lambda line: line.kind == "wire" and line["dir"] == "out" and line.frame_type == type_


def without(match: Callable[[Line], bool]) -> Change:
    return lambda line: None if match(line) else line


def edited(match: Callable[[Line], bool], **members: Any) -> Change:
    return lambda line: Line(line.t, line.kind, line.data | members) if match(line) else line


def moved(match: Callable[[Line], bool], ms: float) -> Change:
    return lambda line: Line(line.t + ms, line.kind, line.data) if match(line) else line


def test_an_event_too_many(tmp_path: Path) -> None:
    assert "extra: event connection accept" in differences(tmp_path, "out_local_disconnect", without(event("accept")))


def test_a_frame_too_many(tmp_path: Path) -> None:
    assert "extra: frame hangup" in differences(tmp_path, "out_local_disconnect", without(frame("hangup")))


def test_another_status_at_an_event(tmp_path: Path) -> None:
    changed = edited(event("disconnect"), status={"dev": "ready", "conn": "closed", "pstream": "ready"})

    found = differences(tmp_path, "out_local_disconnect", changed)

    assert found == ["event connection disconnect #1: status of dev: recorded ready, ours busy"]


def test_another_order_of_members(tmp_path: Path) -> None:
    turned = {"type": "hangup", "payload": {"callsid": "CA64de22cc7c2a43afa538c34afc01d334"}, "version": "1.5"}

    found = differences(tmp_path, "out_local_disconnect", edited(frame("hangup"), msg=turned))

    assert [each[:16] for each in found] == ["frame hangup #1:"]


def test_another_argument_of_an_event(tmp_path: Path) -> None:
    found = differences(tmp_path, "ring_stateon_nomedia", edited(event("ringing"), args=[True]))

    assert found == ["event connection ringing #1: recorded [true], ours [false]"]


def test_another_order(tmp_path: Path) -> None:
    """`accept` comes before `answer` goes out."""
    def later(line: Line) -> Line:
        return Line(2886.0, line.kind, line.data) if event("accept")(line) else line

    transcript = Transcript.read(GIVEN / "in_accept_disconnect.jsonl")
    replay = Replay(transcript, tmp_path)
    replay.run()
    lines = sorted((later(line) for line in transcript.lines), key=lambda line: line.t)
    replay.transcript = replace(transcript, lines=tuple(lines))

    assert "extra: event connection accept" in compare.differences(replay)


def test_another_time_after_a_wait(tmp_path: Path) -> None:
    found = differences(tmp_path, "ws_no_heartbeat", moved(lambda line: line.t > 16_000, -3_000))

    assert any("after a wait" in each for each in found)


def test_a_difference_that_is_listed_is_wanted_only_where_its_reason_is() -> None:
    difference = ["missing: event connection cancel"]

    assert deviations.unexplained(Transcript.read(GIVEN / "in_ignore.jsonl"), difference) == []
    assert deviations.unexplained(Transcript.read(GIVEN / "in_cancel.jsonl"), difference) == difference


@pytest.mark.parametrize("deviation", deviations.load(), ids=lambda each: each.name)
def test_every_deviation_says_why(deviation: deviations.Deviation) -> None:
    assert deviation.name and deviation.why.endswith(".") and deviation.differences
