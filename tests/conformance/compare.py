"""Holds what our Device did against what was recorded; every difference is a line of words.

Checked are: each frame (type, members in their order, values), each event (name, arguments, status at that moment),
how each call of the API ended, the order of all of these, the addresses dialled, what was reported to Insights, and
the times of everything that follows a wait.
"""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Iterator
from typing import Any

from . import render
from .replay import Replay, Seen
from .transcript import Line

# The Device passes these on in its own time, after the call's own events.
LATE = ("device connect", "device disconnect", "device cancel", "device error")

# What timers and the network bring about has no order among what happens within the noise of the recording.
LOOSE = ("\n", "register", "reinvite", "connection warning", "connection warning-cleared")
NOISE_MS = 250.0
SAMPLE_MS = 1_100.0  # a warning waits for the next sample

LONG_WAIT_MS = 3_000.0
WAIT_TOLERANCE_MS = 1_000.0
BACKOFF_JITTER = 0.45

# Only a browser has these, or only the machine of the recording.
FOREIGN_REPORTS = ("audio ", "network-information", "ice-candidate", "dtls-transport-state", "pc-connection-state",
                   "ice-gathering-state", "ice-connection-state", "signaling-state")  # fmt: skip


def differences(replay: Replay) -> list[str]:
    """Everything in which our side differs from the record."""
    wanted = [each for line in replay.transcript.lines if (each := _expected(line, replay.texts)) is not None]
    seen = replay.seen
    return [*replay.problems, *_order(wanted, seen), *_contents(wanted, seen), *_times(wanted, seen)]


def _expected(line: Line, texts: frozenset[str]) -> Seen | None:
    if line.kind == "wire" and line["dir"] == "out":
        message = {} if line["heartbeat"] else render.frame(line["msg"])
        return Seen(line.t, "frame", line.frame_type, {"id": line["id"], **message})
    if line.kind == "ws" and line["ev"] == "new":
        return Seen(line.t, "dial", "dial", line["url"])
    if line.kind == "event" and line["obj"] in ("device", "connection", "call"):
        return _expected_event(line, texts)
    if line.kind == "http" and line["group"]:
        keys = sorted(line["payload_keys"] or [])
        return Seen(line.t, "insights", f"{line['group']} {line['name']}", {"level": line["level"], "keys": keys})
    return _expected_result(line)


def _expected_event(line: Line, texts: frozenset[str]) -> Seen | None:
    if line["name"] in ("volume", "sample"):
        return None
    whom = "device" if line["obj"] == "device" else "connection"
    own = {"own": line["own"]} if line["own"] else {}
    args = render.recorded_event(line["args"] or [], texts)
    return Seen(line.t, "event", f"{whom} {line['name']}", args, dict(line["status"] or {}) | own)


def _expected_result(line: Line) -> Seen | None:
    if line.act_result is None:
        return None
    name, result = line.act_result
    value = f"{result} {(line['err'] or {}).get('name')}" if result == "THREW" else result
    status = {} if result in ("resolved", "REJECTED") else dict(line["status"] or {})
    return Seen(line.t, "act", name, value, status)


def _order(wanted: list[Seen], seen: list[Seen]) -> Iterator[str]:
    """Each channel is one sequence: what is synchronous, the Device's late events, reports, and what is loose."""
    for channel in ("main", "late", "insights", "loose"):
        left = [_label(each) for each in wanted if _channel(each) == channel]
        right = [_label(each) for each in seen if _channel(each) == channel]
        if channel == "loose":
            left, right = sorted(left), sorted(right)
        for line in difflib.unified_diff(left, right, lineterm="", n=0):
            if line[:1] in "+-" and line[:3] not in ("+++", "---"):
                yield ("missing: " if line[0] == "-" else "extra: ") + line[1:]


def _contents(wanted: list[Seen], seen: list[Seen]) -> Iterator[str]:
    for label, n, record, own in _pairs(wanted, seen):
        ordered = record.kind == "frame"  # on the wire the order of the members counts
        wanted_text, own_text = _text(record.value, ordered), _text(_comparable(own), ordered)
        if wanted_text != own_text:
            yield f"{label} #{n}: recorded {wanted_text}, ours {own_text}"
        for who in sorted(record.status.keys() & own.status.keys()):
            if record.status[who] != own.status[who]:
                yield f"{label} #{n}: status of {who}: recorded {record.status[who]}, ours {own.status[who]}"


def _times(wanted: list[Seen], seen: list[Seen]) -> Iterator[str]:
    """What follows a long wait must come when it came; what is loose, within the noise at any time."""
    waits = _waits(wanted)
    for label, n, record, own in _pairs(wanted, seen):
        wait_ms, off_ms = waits[id(record)], own.at_ms - record.at_ms
        tolerance_ms = WAIT_TOLERANCE_MS + (BACKOFF_JITTER * wait_ms if record.kind == "dial" else 0)
        if record.kind != "insights" and wait_ms > LONG_WAIT_MS and abs(off_ms) > tolerance_ms:
            yield f"{label} #{n}: after a wait of {wait_ms:.0f} ms ours came {off_ms:+.0f} ms off"
        elif _channel(record) == "loose" and abs(off_ms) > tolerance_ms + _noise_ms(record):
            yield f"{label} #{n}: ours came {off_ms:+.0f} ms off"


def _noise_ms(seen: Seen) -> float:
    return SAMPLE_MS if seen.name.startswith("connection warning") else NOISE_MS


def _waits(wanted: list[Seen]) -> dict[int, float]:
    """How long nothing else had happened before each thing."""
    happened = sorted((each for each in wanted if each.kind != "insights"), key=lambda each: each.at_ms)
    waits = {id(each): 0.0 for each in wanted}
    for before, each in itertools.pairwise(happened):
        waits[id(each)] = each.at_ms - before.at_ms
    return waits


def _pairs(wanted: list[Seen], seen: list[Seen]) -> Iterator[tuple[str, int, Seen, Seen]]:
    """The first of a label with the first, the second with the second ..."""
    for label in dict.fromkeys(_label(each) for each in wanted):
        left = [each for each in wanted if _label(each) == label]
        right = [each for each in seen if _label(each) == label]
        for n, (record, own) in enumerate(zip(left, right, strict=False), 1):
            if _channel(record):
                yield label, n, record, own


def _channel(seen: Seen) -> str:
    if seen.kind == "insights":
        return "" if seen.name.startswith(FOREIGN_REPORTS) else "insights"
    if seen.name in LOOSE:
        return "loose"
    return "late" if seen.name in LATE or seen.value in ("resolved", "REJECTED") else "main"


def _comparable(seen: Seen) -> Any:
    return seen.value | {"keys": sorted(seen.value["keys"])} if seen.kind == "insights" else seen.value


def _label(seen: Seen) -> str:
    return f"{seen.kind} {'heartbeat' if seen.name == chr(10) else seen.name}"


def _text(value: Any, ordered: bool) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=not ordered)

