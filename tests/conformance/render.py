"""What was recorded and what our Device did, in one notation, so that they can be compared.

Names that are drawn at random, tokens, times and the texts of local errors are replaced by a mark; what
the server said comes back as it was said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agent.errors import TwilioError, VoiceError
from agent.voice.connection import Connection
from agent.voice.device import Device

DRAWN = re.compile(r"(TJS)[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|(KX)[0-9a-f]{32}")
MEASURED = frozenset(
    ("total_packets_received", "total_packets_lost", "total_packets_sent", "total_bytes_received", "total_bytes_sent",
     "packets_received", "packets_lost", "packets_lost_fraction", "bytes_received", "bytes_sent", "audio_level_in",
     "audio_level_out", "call_volume_input", "call_volume_output", "jitter", "rtt", "mos")
)  # fmt: skip
CATALOGUE_TEXTS = ("description", "explanation", "causes", "solutions")
LEFT_OUT = ("value",)  # of a warning: the SDK leaves a measured 0 out
OBJECT = re.compile(r"<(?:\w*(?:AUDIO|Audio|PStream|Stream)\w*)[^>]*>")


def frame(message: Mapping[str, Any]) -> dict[str, Any]:
    """A frame as it went over the wire; the order of the members stays."""
    return {name: _member(name, value) for name, value in message.items()}


def recorded_event(args: list[Any], texts: frozenset[str]) -> list[Any]:
    """The arguments of a recorded event."""
    return [_recorded(arg, texts) for arg in args]


def own_event(args: tuple[Any, ...], texts: frozenset[str], generation: str = "1") -> list[Any]:
    """The arguments of an event of ours."""
    return [_later_error(arg, texts) if generation == "2" and isinstance(arg, VoiceError) else _own(arg, texts)
            for arg in args]  # fmt: skip


def report(payload: Mapping[str, Any], texts: frozenset[str]) -> dict[str, Any]:
    """The values of a report; what the media measured is only known to be a figure."""
    told = {name: value for name, value in payload.items() if name not in LEFT_OUT}
    return {name: _reported(name, value, texts) for name, value in told.items()}


def _reported(name: str, value: Any, texts: frozenset[str]) -> Any:
    if name in MEASURED:
        return "<figure>" if value is None or isinstance(value, int | float) else value
    if name in CATALOGUE_TEXTS:
        return "<text>"
    if name in ("timestamp", "error"):
        return f"<{name}>"
    if name == "codec_params":
        return sorted(str(value).split(";"))
    if name == "values":
        return ["<figure>" for _ in value]
    if name == "twilioError":
        return {"code": value["code"]}
    if isinstance(value, Mapping):
        return report(value, texts)
    return nameless(_text(name, value, texts)) if isinstance(value, str) else value


def _member(name: str, value: Any) -> Any:
    if name == "token":
        return "<token>"
    if name == "browser":
        return {member: "<text>" for member in value}
    if isinstance(value, Mapping):
        return frame(value)
    return nameless(value) if isinstance(value, str) else value


def _recorded(value: Any, texts: frozenset[str]) -> Any:
    if isinstance(value, str):
        return "<object>" if OBJECT.fullmatch(value) else nameless(re.sub("^<Call ", "<Connection ", value))
    if isinstance(value, dict) and "!class" in value:
        return _classed(value, texts)
    if isinstance(value, dict) and "samples" in value:
        return _warning(value)
    if isinstance(value, dict):
        told = {name: each for name, each in value.items() if each is not None or name != "connection"}
        return {name: _text(name, _recorded(each, texts), texts) for name, each in told.items()}
    return value


def nameless(text: str) -> str:
    """Replace the names that are drawn at random."""
    return DRAWN.sub(lambda found: f"<{found[1] or found[2]}>", text)


def _classed(error: Mapping[str, Any], texts: frozenset[str]) -> dict[str, Any]:
    """An error of the catalogue; those of 2.x have classes, and say of which other one they were made."""
    if error["!class"] == "Error":
        return {"code": error["code"]}
    told = {"code": error["code"], "name": error["!class"]}
    origin = error.get("originalError")
    return told | ({"original": _origin(origin.get("code"), origin.get("message", ""), texts)} if origin else {})


def _later_error(error: VoiceError, texts: frozenset[str]) -> dict[str, Any]:
    """Ours in the place of one of 2.x, which is its entry of the catalogue; its own code is that of 1.x."""
    entry = error.twilio_error
    told = {"code": entry.code, "name": entry.name} if entry is not None else {}
    return told | {"original": _origin(error.code, error.message, texts)}


def _origin(code: Any, message: str, texts: frozenset[str]) -> dict[str, Any]:
    return {"code": code, "message": _text("message", message, texts)}


def _own(value: Any, texts: frozenset[str]) -> Any:
    if isinstance(value, VoiceError):
        members = {"code": value.code, "connection": value.connection, "info": value.info, "message": value.message,
                   "twilioError": value.twilio_error}  # fmt: skip
        return {n: _text(n, _own(each, texts), texts) for n, each in members.items() if each is not None}
    if isinstance(value, TwilioError):
        return {"code": value.code}
    if isinstance(value, Connection):
        return nameless(repr(value))
    if isinstance(value, Device):
        return "<Device>"
    if isinstance(value, dict) and "samples" in value:
        return _warning(value)
    if isinstance(value, dict):
        return {name: _text(name, _own(each, texts), texts) for name, each in value.items()}
    if isinstance(value, str):
        return nameless(value)
    return value if value is None or isinstance(value, bool | int | float) else "<object>"


def _warning(data: dict[str, Any]) -> dict[str, Any]:
    """The window of a warning is known by its length, its values and what its samples consist of."""
    return data | {"samples": [sorted(sample) for sample in data["samples"]]}


def _text(name: str, value: Any, texts: frozenset[str]) -> Any:
    return "<text>" if name == "message" and isinstance(value, str) and value not in texts else value
