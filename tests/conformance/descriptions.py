"""What a session description says, up to the names and numbers that each side draws.

A browser offers codecs and extensions that this program does not speak; of a description only what both know counts.
"""

from __future__ import annotations

import re
from typing import Any

WANTED = ("pcmu/8000", "opus/48000/2", "telephone-event/8000")
COPIES = "red/48000/2"  # of one of the others: behind the first it says nothing about what is wanted
ROLES = ("actpass", "active", "passive")
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
STATIC = {"0": "pcmu/8000", "8": "pcma/8000"}


def both(recorded: str, own: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What two descriptions say, with the codecs that the other one has, and those that each must have."""
    left, right = _facts(recorded), _facts(own)
    names = [{codec["name"] for codec in facts["codecs"]} for facts in (left, right)]
    known = (names[0] & names[1]) | ({*WANTED} & (names[0] | names[1]))
    for facts in (left, right):
        codecs = [codec for codec in facts["codecs"] if codec["name"] in known]
        facts["codecs"] = [codec for codec in codecs if codec["name"] != COPIES]
        facts["copies"] = [codec for codec in codecs[1:] if codec["name"] == COPIES]
    return left, right


def succession(earlier: str, later: str) -> dict[str, Any]:
    """What a further offer keeps of the one before it, and what it draws anew."""
    return {
        "same session": _value(earlier, r"^o=(\S+ \S+)") == _value(later, r"^o=(\S+ \S+)"),
        "newer": int(_value(earlier, r"^o=\S+ \S+ (\d+)")) < int(_value(later, r"^o=\S+ \S+ (\d+)")),
        "new path": _value(earlier, r"^a=ice-ufrag:(\S+)") != _value(later, r"^a=ice-ufrag:(\S+)"),
        "new password": _value(earlier, r"^a=ice-pwd:(\S+)") != _value(later, r"^a=ice-pwd:(\S+)"),
        "same certificate": _value(earlier, r"^a=fingerprint:(.*)") == _value(later, r"^a=fingerprint:(.*)"),
        "same source": _value(earlier, r"^a=ssrc:(\d+)") == _value(later, r"^a=ssrc:(\d+)"),
    }


def _facts(sdp: str) -> dict[str, Any]:
    lines = [line for line in sdp.replace("\r\n", "\n").split("\n") if line]
    attributes = [line[2:] for line in lines if line.startswith("a=")]
    audio = next((line for line in lines if line.startswith("m=audio")), "m=audio ? ?").split(" ")
    return {
        "sections": [line.split(" ")[0] for line in lines if line.startswith("m=")],
        "profile": audio[2],
        "crlf": sdp.count("\n") == sdp.count("\r\n") and sdp.endswith("\r\n"),
        "codecs": [_codec(number, attributes) for number in audio[3:]],
        "role": [each for each in attributes if each.removeprefix("setup:") in ROLES],
        "direction": [each for each in attributes if each in DIRECTIONS],
        "section": [each for each in attributes if each.startswith(("mid:", "group:"))],
        "one path": "rtcp-mux" in attributes,
        "trickle": "ice-options:trickle" in attributes,
        "hash": [each.split(" ")[0] for each in attributes if each.startswith("fingerprint:")],
        "keys": sum(each.startswith(("ice-ufrag:", "ice-pwd:")) for each in attributes),
        "named source": any(re.match(r"ssrc:\d+ cname:\S", each) for each in attributes),
    }


def _codec(number: str, attributes: list[str]) -> dict[str, Any]:
    names = [each.split(" ", 1)[1] for each in attributes if each.startswith(f"rtpmap:{number} ")]
    parameters = [each.split(" ", 1)[1] for each in attributes if each.startswith(f"fmtp:{number} ")]
    name = names[0].lower() if names else STATIC.get(number, "?")
    values = sorted(each.strip() for text in parameters for each in text.split(";"))
    return {"name": name, "number": number, "parameters": [] if name.startswith("telephone-event") else values}


def _value(sdp: str, pattern: str) -> str:
    found = re.search(pattern, sdp.replace("\r\n", "\n"), re.MULTILINE)
    return found.group(1) if found else "0"
