"""What was done to the recorded Device, and when: the causes that a deviation may name.

    in TYPE SID          the server said something          act NAME       the program called the API
    stray ringing SID    nobody was dialling                path STATE     the state of ICE or of the whole connection
    opened               a call emitted `accept`            failed         a call emitted `error`
    drop                 a socket, or a try, was lost       blackhole      the path swallows packets from here on
    devices changed      a browser's devices did
    resumed              a call emitted `reconnected`
    gone for too long    ... and another one has not, in the time that calls wait for signaling
    ended before made    the program ended what `connect` had not given it yet
    sampled late, sampled at last, first sample due  see sampling.py
"""

from __future__ import annotations

from collections.abc import Iterator

from .sampling import sampling
from .transcript import Line, Transcript

Happening = tuple[float, str]


def happenings(transcript: Transcript) -> list[Happening]:
    """Everything that may be a cause, in the order of time."""
    dialling = 0
    found: list[Happening] = []
    for line in transcript.lines:
        if line.kind == "wire" and line["dir"] == "out" and line.frame_type == "invite":
            dialling += 1
        if line.kind == "wire" and line["dir"] == "in":
            sid = str(line.payload.get("callsid") or "-")
            found.append((line.t, f"in {line.frame_type} {sid}"))
            if line.frame_type == "ringing" and not dialling:
                found.append((line.t, f"stray ringing {sid}"))
            if line.frame_type in ("answer", "hangup", "cancel"):
                dialling = max(0, dialling - 1)
        found += [(line.t, name) for name in _names(line, transcript.probe_id)]
    found += [*sampling(transcript), *_gone_for_too_long(transcript), *_ended_before_made(transcript)]
    return sorted(found, key=lambda each: each[0])


def _ended_before_made(transcript: Transcript) -> Iterator[Happening]:
    connects = 0
    for line in transcript.of("act"):
        if line["what"] == "device.connect":
            connects += 1
        elif line.act_result is not None and line.act_result[0] == "device.connect":
            connects -= 1
        elif connects and line["what"] in ("device.disconnectAll", "device.destroy"):
            yield line.t, "ended before made"


def _gone_for_too_long(transcript: Transcript) -> Iterator[Happening]:
    told = [line["args"] for line in transcript.of("act", what="new Device")]
    limit_ms = next((args.get("maxCallSignalingTimeoutMs", 0) for args in told if isinstance(args, dict)), 0)
    since: float | None = None
    for line in transcript.of("event", obj="call"):
        if since is not None and limit_ms and line.t > since + limit_ms:
            yield since + limit_ms, "gone for too long"
        if line["name"] == "transportClose":
            since = since or line.t
        elif line["name"] == "reconnected":
            since = None


def _names(line: Line, probe_id: int) -> Iterator[str]:
    if line.kind == "act" and line.act_result is None:
        yield f"act {line['what']}"
    elif line.kind == "srv" and line["what"] == "blackhole" and line["on"]:
        yield "blackhole"
    elif line.kind == "http" and line["group"] == "audio":
        yield "devices changed"
    elif (line.kind == "ws" and line["ev"] == "close") or (line.kind == "srv" and line["what"] == "drop-ws"):
        yield "drop"
    elif line.kind == "pc" and line["id"] != probe_id and line["ev"] in ("iceConnectionState", "connectionState"):
        yield f"path {line['state']}"
    elif line.kind == "event" and line["obj"] in ("connection", "call") and line["name"] in ("accept", "error"):
        yield "opened" if line["name"] == "accept" else "failed"
    elif line.kind == "event" and line["obj"] in ("connection", "call") and line["name"] == "reconnected":
        yield "resumed"
