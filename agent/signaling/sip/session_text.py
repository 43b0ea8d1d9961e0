"""What signaling must know of the session descriptions that it carries: who is on hold, and what names a peer.

Media reads and writes descriptions (`agent.media.sdp`); here they are a text of which three lines matter.
"""

from __future__ import annotations

import re
from typing import Final

_DIRECTION: Final = re.compile(r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", re.MULTILINE)
_NOWHERE: Final = re.compile(r"^c=IN IP4 0\.0\.0\.0\s*$", re.MULTILINE)
_SETUP: Final = re.compile(r"^a=setup:\w+", re.MULTILINE)
_PEER: Final = re.compile(r"^a=(?:fingerprint|ice-ufrag):\s*(.*?)\s*$", re.MULTILINE | re.IGNORECASE)
_CANDIDATE: Final = re.compile(r"^a=(?:candidate|ice-ufrag):", re.MULTILINE)


def is_hold(sdp: str) -> bool:
    """Tell whether whoever wrote this does not want to hear us (RFC 3264 section 8.4; RFC 2543 with address 0)."""
    head, audio = _parts(sdp)
    found = _DIRECTION.search(audio) or _DIRECTION.search(head)
    if found is not None and found[1] != "sendrecv":
        return found[1] in ("sendonly", "inactive")
    has_ice = _CANDIDATE.search(sdp) is not None  # with ICE an address of 0 says nothing
    return not has_ice and bool(_NOWHERE.search(audio) or _NOWHERE.search(head))


def is_same_peer(one: str, other: str) -> bool:
    """Tell whether both descriptions name the same certificate and the same ICE credentials."""
    return sorted(_PEER.findall(one)) == sorted(_PEER.findall(other))


def as_offer(sdp: str) -> str:
    """Make the offer that changes nothing out of our description in force; an offer leaves the DTLS role open."""
    return _SETUP.sub("a=setup:actpass", sdp)


def _parts(sdp: str) -> tuple[str, str]:
    """What holds for the whole session, and what for its audio."""
    head, *sections = re.split(r"^(?=m=)", sdp, flags=re.MULTILINE)
    audio = next((section for section in sections if section.startswith("m=audio")), "")
    return head, audio
