"""What a recording wants to be seen: its lines as `Seen`, in the notation in which our side is seen too."""

from __future__ import annotations

from . import render
from .replay import Seen
from .transcript import Line, Transcript


def expected(transcript: Transcript, texts: frozenset[str]) -> list[Seen]:
    """Everything that can be compared, in the order of time."""
    wanted = (_expected(line, texts, transcript.probe_id) for line in transcript.lines)
    return [each for each in wanted if each is not None]


def _expected(line: Line, texts: frozenset[str], probe_id: int) -> Seen | None:
    if line.kind == "wire" and line["dir"] == "out":
        message = {} if line["heartbeat"] else render.frame(line["msg"])
        return Seen(line.t, "frame", line.frame_type, {"id": line["id"], **message})
    if line.kind == "ws" and line["ev"] == "new":
        return Seen(line.t, "dial", "dial", line["url"])
    if line.kind == "event" and line["obj"] in ("device", "connection", "call"):
        return _event(line, texts)
    if line.kind == "http" and line["group"]:
        return _report(line, texts)
    return _of_the_media(line, probe_id) or _result(line)


def _event(line: Line, texts: frozenset[str]) -> Seen | None:
    if line["name"] in ("volume", "sample"):
        return None
    whom = "device" if line["obj"] == "device" else "connection"
    own = {"own": line["own"]} if line["own"] else {}
    args = render.recorded_event(line["args"] or [], texts)
    if whom == "device" and args[1:] == [None]:
        args = args[:1]  # an error that is about no call
    return Seen(line.t, "event", f"{whom} {line['name']}", args, dict(line["status"] or {}) | own)


def _report(line: Line, texts: frozenset[str]) -> Seen:
    """Older recordings know only which members a report had."""
    value = {"level": line["level"], "keys": sorted(line["payload_keys"] or [])}
    payload = line["payload"][0] if isinstance(line["payload"], list) else line["payload"]
    if payload is not None:
        value["values"] = render.report(payload, texts)
    return Seen(line.t, "insights", f"{line['group']} {line['name']}", value)


def _of_the_media(line: Line, probe_id: int) -> Seen | None:
    if line.kind == "gum" and line["ev"] == "call":
        return Seen(line.t, "media", "capture", line["constraints"])
    if line.kind == "dtmf" and line["ev"] == "insertDTMF":
        return Seen(line.t, "media", "digits", {name: line[name] for name in ("tones", "duration", "gap")})
    if line.kind == "pc" and line["ev"] == "setRemoteDescription" and line["id"] != probe_id:
        return Seen(line.t, "media", f"remote {line['type']}", line["sdp"])
    return None


def _result(line: Line) -> Seen | None:
    if line.act_result is None:
        return None
    name, result = line.act_result
    value = f"{result} {(line['err'] or {}).get('name')}" if result == "THREW" else result
    status = {} if result in ("resolved", "REJECTED") else dict(line["status"] or {})
    return Seen(line.t, "act", name, value, status)
