"""Holds what our Device did against what was recorded; every difference has a place and is a line of words.

Checked are: each frame (type, members in their order, values, and what its description says), each event (name,
arguments, status at that moment), how each call of the API ended, the order of all of these, the addresses dialled,
what the microphone was asked for, the digits and the descriptions given to the media, each report with its values, and
when.
"""

from __future__ import annotations

import difflib
import itertools
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from . import descriptions
from .expected import expected
from .replay import Replay, Seen
from .transcript import Transcript

# The Device passes these on in its own time, after the call's own events.
LATE = ("device connect", "device disconnect", "device cancel", "device error")

# What timers and the network bring about has no order among what happens within the noise of the recording.
LOOSE = ("\n", "register", "reinvite", "connection warning", "connection warning-cleared")
CHANNELS = ("main", "late", "insights", "media", "loose")
NOISE_MS = 250.0
DIGITS_MS = 400.0
REACTION_MS = 1_500.0
SAMPLE_MS = 1_100.0  # a warning waits for the next sample

LONG_WAIT_MS = 3_000.0
WAIT_TOLERANCE_MS = 1_000.0
BACKOFF_JITTER = 0.45

# How long a browser takes to start says nothing about the SDK.
STARTING = ("dial dial", "act device.setup", "act new Device", "frame listen")

# Only a browser has these, or only the machine of the recording.
FOREIGN_REPORTS = ("audio ", "network-information", "ice-candidate", "dtls-transport-state", "pc-connection-state",
                   "ice-gathering-state", "ice-connection-state", "signaling-state")  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """One thing that is not as recorded: where ("event connection mute #2"), what, and when."""

    where: str
    what: str
    at_ms: float = 0.0
    is_of_time: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Pair:
    """What belongs together: the record's and ours."""

    where: str
    record: Seen
    own: Seen


def differences(replay: Replay) -> list[Difference]:
    """Everything in which our side differs from the record."""
    transcript = replay.transcript
    wanted = _as_a_sequence_of_offers(expected(transcript, replay.texts))
    seen = _as_a_sequence_of_offers(_recordable(replay.seen, transcript))
    problems = [Difference("replay", said, at_ms) for at_ms, said in replay.problems]
    found: list[Difference] = []
    pairs: list[Pair] = []
    for channel in CHANNELS:
        _align(_of(channel, wanted), _of(channel, seen), found, pairs)
    waits, near = _waits(wanted), _Statuses(wanted)
    contents = [each for pair in pairs for each in (*_contents(pair, near), *_times(pair, waits))]
    if transcript.is_cut and transcript.lines:
        told_ms = transcript.lines[-1].t - REACTION_MS  # what came of the rest was not recorded
        found = [each for each in found if each.what != "extra" or each.at_ms < told_ms]
    return [*problems, *found, *contents]


def _recordable(seen: list[Seen], transcript: Transcript) -> list[Seen]:
    """Not every recording has what was given to the browser's media."""
    kinds = {"digits": bool(transcript.of("dtmf")), "remote": bool(transcript.of("pc", ev="setRemoteDescription"))}
    return [each for each in seen if each.kind != "media" or kinds.get(each.name.split(" ")[0], True)]


def _as_a_sequence_of_offers(seen: list[Seen]) -> list[Seen]:
    """A description that restarts a path is known by what it keeps of the one before."""
    earlier, result = "", []
    for each in seen:
        payload = each.value.get("payload") if each.kind == "frame" else None
        sdp = payload.get("sdp") if isinstance(payload, dict) else None
        if isinstance(sdp, str):
            if each.name == "reinvite":
                each = replace(each, value=each.value | {"since": descriptions.succession(earlier, sdp)})
            earlier = sdp
        result.append(each)
    return result


# The order


def _of(channel: str, seen: list[Seen]) -> list[tuple[str, str, Seen]]:
    """The things of one channel, each with its label and its place."""
    counts: defaultdict[str, int] = defaultdict(int)
    result = []
    for each in seen:
        label = _label(each)
        counts[label] += 1
        if _channel(each) == channel:
            result.append((label, f"{label} #{counts[label]}", each))
    return sorted(result, key=lambda each: (each[0], _warned_of(each[2]))) if channel == "loose" else result


def _align(
    left: list[tuple[str, str, Seen]],
    right: list[tuple[str, str, Seen]],
    found: list[Difference],
    pairs: list[Pair],
) -> None:
    """Each channel is one sequence: what stands in both belongs together, the rest is missing or too many."""
    matcher = difflib.SequenceMatcher(None, [each[0] for each in left], [each[0] for each in right], autojunk=False)
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            pairs += [Pair(a[1], a[2], b[2]) for a, b in zip(left[i1:i2], right[j1:j2], strict=True)]
            continue
        found += [Difference(where, "missing", each.at_ms) for _, where, each in left[i1:i2]]
        found += [Difference(where, "extra", each.at_ms) for _, where, each in right[j1:j2]]


def _warned_of(seen: Seen) -> str:
    return str(seen.value[0]) if seen.kind == "event" and seen.value else ""


def _channel(seen: Seen) -> str:
    if seen.kind == "insights" and seen.name.startswith(FOREIGN_REPORTS):
        return ""
    if seen.kind == "insights":
        return "loose" if "-warning-" in seen.name else "insights"
    if seen.kind == "media":
        return "media"
    if seen.name in LOOSE:
        return "loose"
    return "late" if seen.name in LATE or seen.value in ("resolved", "REJECTED") else "main"


def _label(seen: Seen) -> str:
    """Kind and name; an error is known by its codes too."""
    if seen.kind == "event" and seen.name.endswith(" error") and seen.value and isinstance(seen.value[0], dict):
        inner = (seen.value[0].get("twilioError") or {}).get("code")
        return f"event {seen.name} {seen.value[0].get('code')}" + (f"/{inner}" if inner is not None else "")
    if seen.kind == "media" and seen.name == "capture" and _names_a_device(seen.value):
        return "media capture of a device"
    return f"{seen.kind} {'heartbeat' if seen.name == chr(10) else seen.name}"


def _names_a_device(constraints: Any) -> bool:
    audio = constraints.get("audio") if isinstance(constraints, dict) else None
    return isinstance(audio, dict) and "deviceId" in audio


# The contents


class _Statuses:
    """What was recorded of statuses around a time."""

    def __init__(self, wanted: list[Seen]) -> None:
        self._told = [(each.at_ms, each.status) for each in wanted if each.status]

    def allows(self, record: Seen, who: str, own: str) -> bool:
        """Whether what has no order came as much earlier or later as it may."""
        if _channel(record) != "loose":
            return False
        told = [status for at_ms, status in self._told if abs(at_ms - record.at_ms) <= SAMPLE_MS]
        return own in [status.get("conn" if who == "own" else who) for status in told]


def _contents(pair: Pair, near: _Statuses) -> Iterator[Difference]:
    record, own = pair.record, pair.own
    for path, wanted, found in _unlike(*_comparable(record, own), record.kind == "frame"):
        where = f"{path}: " if path else ""
        yield Difference(pair.where, f"{where}recorded {_text(wanted)}, ours {_text(found)}", record.at_ms)
    for who in sorted(record.status.keys() & own.status.keys()):
        if record.status[who] != own.status[who] and not near.allows(record, who, own.status[who]):
            said = f"status of {who}: recorded {record.status[who]}, ours {own.status[who]}"
            yield Difference(pair.where, said, record.at_ms)


def _comparable(record: Seen, own: Seen) -> tuple[Any, Any]:
    if record.kind == "insights":
        return record.value, {name: own.value[name] for name in record.value}
    if record.kind == "event":
        return record.value, _without_unknown_origins(record.value, own.value)
    if record.kind != "frame":
        return record.value, own.value
    sdps = [(each.value.get("payload") or {}).get("sdp") for each in (record, own)]
    if not all(isinstance(sdp, str) for sdp in sdps):
        return record.value, own.value
    facts = descriptions.both(*sdps)
    pairs = zip((record, own), facts, strict=True)
    left, right = (each.value | {"payload": each.value["payload"] | {"sdp": fact}} for each, fact in pairs)
    return left, right


def _without_unknown_origins(record: list[Any], own: list[Any]) -> list[Any]:
    """Where the SDK does not say which error came first, ours is not asked for it."""
    return [
        {name: value for name, value in left.items() if name in right or name != "original"}
        if isinstance(left, dict) and isinstance(right, dict) else left
        for left, right in zip(own, [*record, *own[len(record) :]], strict=False)
    ]  # fmt: skip


def _unlike(record: Any, own: Any, ordered: bool, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The places in which two values differ; on the wire the order of the members counts."""
    if isinstance(record, dict) and isinstance(own, dict):
        if (list(record) != list(own)) if ordered else (record.keys() != own.keys()):
            yield f"{path}.members".lstrip("."), list(record), list(own)
        for name in record.keys() & own.keys():
            yield from _unlike(record[name], own[name], ordered, f"{path}.{name}".lstrip("."))
    elif isinstance(record, list) and isinstance(own, list) and len(record) == len(own):
        for n, (left, right) in enumerate(zip(record, own, strict=True)):
            yield from _unlike(left, right, ordered, f"{path}.{n}".lstrip("."))
    elif record != own or (isinstance(record, bool) != isinstance(own, bool)):
        yield path, record, own


# The times


def _times(pair: Pair, waits: dict[int, float]) -> Iterator[Difference]:
    """Everything must come when it came, within the noise of the recording and what timers allow."""
    record, off_ms, wait_ms = pair.record, pair.own.at_ms - pair.record.at_ms, waits[id(pair.record)]
    slow_start = _label(record) in STARTING and wait_ms < LONG_WAIT_MS
    is_others_work = record.kind == "insights" or record.name.endswith(".postFeedback")
    if not is_others_work and not slow_start and abs(off_ms) > _tolerance_ms(record, wait_ms):
        yield Difference(pair.where, f"ours came {off_ms:+.0f} ms off", record.at_ms, True)


def _tolerance_ms(record: Seen, wait_ms: float) -> float:
    """Digits come at once; a timer's work is near its time, a browser under load not; a try has its jitter."""
    if record.name == "digits":
        return DIGITS_MS
    if record.kind == "dial":
        return WAIT_TOLERANCE_MS + BACKOFF_JITTER * wait_ms
    if record.name.startswith("connection warning"):
        return WAIT_TOLERANCE_MS + SAMPLE_MS
    if _channel(record) == "loose":
        return WAIT_TOLERANCE_MS + NOISE_MS
    return WAIT_TOLERANCE_MS if wait_ms > LONG_WAIT_MS else REACTION_MS


def _waits(wanted: list[Seen]) -> dict[int, float]:
    """How long nothing else had happened before each thing."""
    happened = sorted((each for each in wanted if each.kind not in ("insights", "media")), key=lambda each: each.at_ms)
    waits = {id(each): 0.0 for each in wanted}
    for before, each in itertools.pairwise(happened):
        waits[id(each)] = each.at_ms - before.at_ms
    return waits


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
