"""What the switchboard reads and edits in session descriptions (RFC 8866). Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from agent.media.sdp.munge import STATIC_NAMES

AUDIO = ("opus", "pcmu", "pcma")


def attribute(sdp: str, name: str) -> str:
    """Return the value of the first `a=name:` line, or an empty text (RFC 8866 section 5.13)."""
    prefix = f"a={name}:"
    return next((line[len(prefix) :].strip() for line in sdp.splitlines() if line.startswith(prefix)), "")


def codecs(sdp: str) -> tuple[str, ...]:
    """Return the audio codecs that the switchboard can relay, in the order of the audio section's payload list."""
    names = _names(sdp)
    return tuple(dict.fromkeys(names[number] for number in _payload_list(sdp) if names.get(number) in AUDIO))


def keep_codecs(sdp: str, wanted: Collection[str]) -> str:
    """Return an offer without the audio codecs that are not `wanted`, so that its answer cannot choose them."""
    unwanted = {number for number, name in _names(sdp).items() if name in AUDIO and name not in wanted}
    return "".join(_without(line, unwanted) for line in sdp.splitlines(keepends=True))


def _without(line: str, numbers: Collection[str]) -> str:
    if line.startswith("m=audio "):
        head, ending = line.rstrip("\r\n"), line[len(line.rstrip("\r\n")) :]
        fields = head.split(" ")
        return " ".join([*fields[:3], *(number for number in fields[3:] if number not in numbers)]) + ending
    described = re.match(r"a=(?:rtpmap|fmtp|rtcp-fb):(\d+) ", line)
    return "" if described and described[1] in numbers else line


def _payload_list(sdp: str) -> Iterator[str]:
    line = next((line for line in sdp.splitlines() if line.startswith("m=audio ")), "")
    return iter(line.split()[3:])


def _names(sdp: str) -> dict[str, str]:
    return {**STATIC_NAMES, **{n: name.lower() for n, name in re.findall(r"^a=rtpmap:(\d+) ([^/\s]+)", sdp, re.M)}}
