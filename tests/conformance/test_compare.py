"""The replay must notice what it is there to notice: each test changes a recording and looks for the difference."""

from __future__ import annotations

import json
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
    return [str(each) for each in compare.differences(replay)]


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


def test_an_event_too_many_is_found(tmp_path: Path) -> None:
    found = differences(tmp_path, "out_local_disconnect", without(event("accept")))

    assert "event connection accept #1: extra" in found


def test_a_frame_too_many_is_found(tmp_path: Path) -> None:
    assert "frame hangup #1: extra" in differences(tmp_path, "out_local_disconnect", without(frame("hangup")))


def test_another_status_at_an_event_is_found(tmp_path: Path) -> None:
    changed = edited(event("disconnect"), status={"dev": "ready", "conn": "closed", "pstream": "ready"})

    found = differences(tmp_path, "out_local_disconnect", changed)

    assert found == ["event connection disconnect #1: status of dev: recorded ready, ours busy"]


def test_another_order_of_members_is_found(tmp_path: Path) -> None:
    turned = {"type": "hangup", "payload": {"callsid": "CA64de22cc7c2a43afa538c34afc01d334"}, "version": "1.5"}

    found = differences(tmp_path, "out_local_disconnect", edited(frame("hangup"), msg=turned))

    assert [each[:24] for each in found] == ["frame hangup #1: members"]


def test_another_argument_of_an_event_is_found(tmp_path: Path) -> None:
    found = differences(tmp_path, "ring_stateon_nomedia", edited(event("ringing"), args=[True]))

    assert found == ["event connection ringing #1: 0: recorded true, ours false"]


def test_another_order_is_found(tmp_path: Path) -> None:
    """`accept` comes before `answer` goes out."""
    def later(line: Line) -> Line:
        return Line(2886.0, line.kind, line.data) if event("accept")(line) else line

    transcript = Transcript.read(GIVEN / "in_accept_disconnect.jsonl")
    replay = Replay(transcript, tmp_path)
    replay.run()
    lines = sorted((later(line) for line in transcript.lines), key=lambda line: line.t)
    replay.transcript = replace(transcript, lines=tuple(lines))

    assert "event connection accept #1: extra" in map(str, compare.differences(replay))


def test_another_time_after_a_wait_is_found(tmp_path: Path) -> None:
    found = differences(tmp_path, "ws_no_heartbeat", moved(lambda line: line.t > 16_000, -3_000))

    assert any("ms off" in each for each in found)


def test_the_sid_of_another_call_in_a_frame_is_found(tmp_path: Path) -> None:
    other = {"type": "hangup", "version": "1.5", "payload": {"callsid": "CAother"}}

    found = differences(tmp_path, "out_local_disconnect", edited(frame("hangup"), msg=other))

    assert [each[:42] for each in found] == ['frame hangup #1: payload.callsid: recorded']


def test_the_sid_of_another_call_in_an_event_is_found(tmp_path: Path) -> None:
    found = differences(tmp_path, "out_local_disconnect", edited(event("accept"), args=["<Connection CAother open>"]))

    assert [each[:31] for each in found] == ["event connection accept #1: 0: "]


def test_a_missing_event_is_found(tmp_path: Path) -> None:
    transcript = Transcript.read(GIVEN / "mute.jsonl")
    replay = Replay(transcript, tmp_path)
    replay.run()
    replay.seen = [each for each in replay.seen if each.name != "connection mute"]

    found = [str(each) for each in compare.differences(replay)]

    assert found == ["event connection mute #1: missing", "event connection mute #2: missing"]


def test_another_state_at_the_last_event_is_found(tmp_path: Path) -> None:
    status = {"dev": "busy", "conn": "open", "pstream": "ready"}

    found = differences(tmp_path, "out_local_disconnect", edited(event("disconnect"), status=status, own="open"))

    assert found == [
        "event connection disconnect #1: status of conn: recorded open, ours closed",
        "event connection disconnect #1: status of own: recorded open, ours closed",
    ]


@pytest.mark.parametrize(
    ("said", "instead", "found"),
    [
        ("a=setup:actpass", "a=setup:active", "role"),
        ("SAVPF 111 0", "SAVPF 0 111", "codecs"),
        ("maxaveragebitrate=16000", "maxaveragebitrate=24000", "codecs"),
        ("a=sendrecv", "a=recvonly", "direction"),
        ("a=rtcp-mux\r\n", "", "one path"),
        ("a=mid:0", "a=mid:1", "section"),
        ("a=fingerprint:sha-256", "a=fingerprint:sha-1", "hash"),
        ("a=ice-options:trickle\r\n", "", "trickle"),
        ("\r\n", "\n", "crlf"),
    ],
)
def test_what_a_description_says_otherwise_is_found(tmp_path: Path, said: str, instead: str, found: str) -> None:
    def change(line: Line) -> Line:
        if not frame("invite")(line):
            return line
        payload = line.payload | {"sdp": line.payload["sdp"].replace(said, instead)}
        return Line(line.t, line.kind, line.data | {"msg": line["msg"] | {"payload": payload}})

    told = differences(tmp_path, "codec_opus_first", change)

    assert told and all(each.startswith(f"frame invite #1: payload.sdp.{found}") for each in told)


def test_a_restart_that_draws_no_new_path_is_found(tmp_path: Path) -> None:
    first = next(line for line in Transcript.read(GIVEN / "ice_restart_ok.jsonl").lines if frame("invite")(line))

    def change(line: Line) -> Line:
        msg = {"type": "reinvite", "version": "1.5", "payload": line.payload | {"sdp": first.payload["sdp"]}}
        return Line(line.t, line.kind, line.data | {"msg": msg}) if frame("reinvite")(line) else line

    told = differences(tmp_path, "ice_restart_ok", change)

    assert "frame reinvite #1: since.new path: recorded false, ours true" in told


def test_other_digits_than_were_sent_are_found(tmp_path: Path) -> None:
    found = differences(tmp_path, "digits", edited(lambda line: line["ev"] == "insertDTMF", duration=100))

    assert "media digits #1: duration: recorded 100, ours 160" in found


def test_other_constraints_of_the_capture_are_found(tmp_path: Path) -> None:
    wanted = {"audio": {"echoCancellation": True}}
    found = differences(tmp_path, "mute", edited(lambda line: line["ev"] == "call", constraints=wanted))

    assert found == ['media capture #1: audio: recorded {"echoCancellation": true}, ours true']


def test_another_value_in_a_report_is_found(tmp_path: Path) -> None:
    def change(line: Line) -> Line:
        if line["name"] != "received":
            return line
        return Line(line.t, line.kind, line.data | {"payload": line["payload"] | {"quality_score": 4}})

    found = differences(tmp_path, "feedback", change)

    assert "insights feedback received #1: values.quality_score: recorded 4, ours 5" in found


def test_another_description_for_the_media_is_found(tmp_path: Path) -> None:
    found = differences(tmp_path, "mute", edited(lambda line: line["ev"] == "setRemoteDescription", sdp="v=0"))

    assert [each[:39] for each in found] == ['media remote answer #1: recorded "v=0",']


CANCELLED = compare.Difference("event connection cancel #2", "missing", 3_914)


def played(path: Path) -> tuple[Transcript, list[str]]:
    """Plays a recording that somebody else gave."""
    transcript = Transcript.read(path)
    replay = Replay(transcript, path.parent)
    replay.run()
    return transcript, deviations.unexplained(transcript, compare.differences(replay))


@pytest.mark.parametrize("part", [0.4, 0.6, 0.8])
@pytest.mark.parametrize("given", ["1.15/in_accept_disconnect", "2.18/unregister_destroy", "2.18/ws_drop_during_call"])
def test_a_recording_that_is_cut_off_is_played_to_its_end(tmp_path: Path, given: str, part: float) -> None:
    lines = (GIVEN.parent / f"{given}.jsonl").read_text().splitlines()
    *whole, last = lines[: int(part * len(lines))]
    path = tmp_path / "renamed.jsonl"
    path.write_text("\n".join([*whole, last[: len(last) // 2]]))

    transcript, found = played(path)

    assert transcript.is_cut and found == []


def test_what_a_replay_does_not_know_is_a_difference_in_words(tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    lines = (GIVEN.parent / "2.18" / "out_local_disconnect.jsonl").read_text().splitlines()
    end = json.loads(lines[-1])["t"]
    odd = [{"k": "act", "what": "device.fly", "args": [1]}, {"k": "act", "what": "device.fly returned"},
           {"k": "event", "obj": "device", "name": "flown", "args": []}, {"k": "srv", "what": "new"}, {"k": "wings"},
           {"k": "gum", "ev": "new"}, {"k": "ws", "id": 9, "ev": "odd"}, {"k": "pc", "id": 9, "ev": "new"}]  # fmt: skip
    path.write_text("\n".join([*lines, *(json.dumps({"t": end + n, **each}) for n, each in enumerate(odd))]))

    _transcript, found = played(path)

    assert sorted(found) == [
        'act device.fly #1: recorded "returned", ours "THREW AttributeError"',
        "event device flown #1: missing",
    ]


def test_a_deviation_explains_nothing_but_its_own_place() -> None:
    """In the recordings that are shipped."""
    transcript = Transcript.read(GIVEN / "in_ignore.jsonl")
    reported = compare.Difference("insights connection cancel #1", "missing", 3_896)
    third = compare.Difference("event connection cancel #3", "missing", 3_914)

    assert deviations.misplaced(transcript, [CANCELLED, reported]) == []
    assert deviations.misplaced(transcript, [CANCELLED, reported, third]) == [str(third)]
    assert deviations.misplaced(transcript, [CANCELLED, reported, CANCELLED]) == [str(CANCELLED)]


def test_a_place_without_its_difference_is_a_fault() -> None:
    transcript = Transcript.read(GIVEN / "in_ignore.jsonl")

    found = deviations.misplaced(transcript, [CANCELLED])

    assert found == ["not there any more (one cancel per call): insights connection cancel #1: missing"]


def test_elsewhere_a_difference_needs_its_cause_before_it() -> None:
    ignored = Transcript.read(GIVEN / "in_ignore.jsonl")
    early = replace(CANCELLED, at_ms=1_000.0)
    late = replace(CANCELLED, at_ms=9_000.0)

    assert deviations.unexplained(ignored, [CANCELLED]) == []
    assert deviations.unexplained(ignored, [early, late]) == [str(early), str(late)]
    assert deviations.unexplained(Transcript.read(GIVEN / "in_cancel.jsonl"), [CANCELLED]) == [str(CANCELLED)]


@pytest.mark.parametrize("scenario", ["out_local_disconnect", "out_error_busy", "ring_stateon_earlymedia", "mute"])
def test_a_ringing_in_its_place_explains_no_other_sid(scenario: str) -> None:
    """The sid is that of the call that rings, and yet ours names another one."""
    transcript = Transcript.read(GIVEN / f"{scenario}.jsonl")
    ringing = next(line for line in transcript.of("wire", dir="in") if line.frame_type == "ringing")
    said = f'payload.callsid: recorded "{ringing.payload["callsid"]}", ours "CAother"'
    difference = compare.Difference("frame hangup #1", said, ringing.t + 3_000)

    assert deviations.unexplained(transcript, [difference]) == [str(difference)]
