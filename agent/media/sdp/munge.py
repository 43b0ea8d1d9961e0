"""The SDK's edits of session descriptions: pure text in, text out (spec: signaling 10.3, oracle 2).

They are applied to text, not to parsed descriptions, because the SDK does so and its results are what servers know:
only the payload list of the `m=` line moves, `a=rtpmap` and `a=fmtp` lines stay where they were.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

MIN_BITRATE = 6_000
MAX_BITRATE = 510_000
STATIC_NAMES = {"0": "pcmu", "8": "pcma"}
PREFERENCE_KINDS = ("m=audio", "m=video")


class CodecInfo(NamedTuple):
    """What the SDK reports as the preferred codec."""

    name: str
    parameters: str


def set_codec_preferences(sdp: str, preferences: Sequence[str]) -> str:
    """Reorder the payload list of each audio and video section; with a G.711 codec first also drop `b=AS`/`b=TIAS`."""
    head, *sections = re.split(r"(?=^m=)", sdp, flags=re.MULTILINE)
    return head + "".join(_prefer(section, preferences) for section in sections)


def _prefer(section: str, preferences: Sequence[str]) -> str:
    first, newline, rest = section.partition("\n")
    fields = first.rstrip("\r").split(" ")
    if not first.startswith(PREFERENCE_KINDS) or len(fields) < 4:
        return section
    names = {**STATIC_NAMES, **_rtpmap_names(section)}
    order = _reorder(fields[3:], names, preferences)
    ending = "\r" if first.endswith("\r") else ""
    if first.startswith("m=audio") and names.get(order[0]) in ("pcmu", "pcma"):
        rest = re.sub(r"^b=(?:AS|TIAS):.*\n?", "", rest, flags=re.MULTILINE)
    return " ".join(fields[:3] + order) + ending + newline + rest


def _rtpmap_names(section: str) -> dict[str, str]:
    return {n: name.lower() for n, name in re.findall(r"^a=rtpmap:(\d+) ([^/\s]+)", section, re.MULTILINE)}


def _reorder(payload_types: list[str], names: dict[str, str], preferences: Sequence[str]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for payload_type in payload_types:
        groups.setdefault(names.get(payload_type, ""), []).append(payload_type)
    wanted = list(dict.fromkeys(name.lower() for name in preferences if name))
    order = [name for name in wanted if name in groups] + [name for name in groups if name not in wanted]
    return [payload_type for name in order for payload_type in groups[name]]


def set_max_average_bitrate(sdp: str, bitrate: object) -> str:
    """Ask the far end to keep Opus below `bitrate` bit/s; anything but a number from 6000 to 510000 changes nothing."""
    if isinstance(bitrate, bool) or not isinstance(bitrate, (int, float)) or not MIN_BITRATE <= bitrate <= MAX_BITRATE:
        return sdp
    value = int(bitrate) if float(bitrate).is_integer() else bitrate
    found = re.search(r"^a=rtpmap:(\d+) opus", sdp, re.MULTILINE | re.IGNORECASE)
    payload_type = found.group(1) if found else "111"
    line = rf"^(a=fmtp:{payload_type}(?!\d)[^\r\n]*)"  # before the CR: the SDK's slip would break the line
    return re.sub(line, rf"\g<1>;maxaveragebitrate={value}", sdp, flags=re.MULTILINE)


def remove_ice_lite(sdp: str) -> str:
    """Hide from our ICE that the far end is ICE-lite, which the SDK calls aggressive nomination."""
    return re.sub(r"^.*a=ice-lite.*\n?", "", sdp, flags=re.MULTILINE)


def preferred_codec_info(sdp: str) -> CodecInfo:
    """Name and parameters of the first `a=rtpmap`, which need not be the codec that is used [quirk]."""
    found = re.search(r"^a=rtpmap:(\d+) (\S+)", sdp, re.MULTILINE)
    if not found:
        return CodecInfo("", "")
    parameters = re.search(rf"^a=fmtp:{found.group(1)} (\S*)", sdp, re.MULTILINE)
    return CodecInfo(found.group(2), parameters.group(1) if parameters else "")


