"""The far end's session description of one audio call, read: codecs, keys, fingerprints, candidates.

A call has exactly one bundled audio section (RFC 8829, RFC 8839, RFC 8842). Further sections that a browser may offer
(video, data) are answered with port 0, as RFC 3264 wants. Reading is tolerant of everything that does not matter and
strict about keys, fingerprints and size.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from agent.errors import SdpError
from agent.log import excerpt
from agent.media.sdp.codecs import SOUND_KEYS, Codec
from agent.media.sdp.description import (
    LONGEST_PACKET_MS,
    USUAL_PROFILE,
    Description,
    IceParameters,
    RejectedSection,
)

MAX_SDP_CHARS = 64_000
MAX_CANDIDATES = 64
SECURE_PROFILES = (
    USUAL_PROFILE, "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP", "TCP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF",
)  # fmt: skip
HASHES = ("sha-256", "sha-384", "sha-512")  # of which a fingerprint may be (RFC 8122 section 5)
STATIC_CODECS = {0: ("PCMU", 8000), 8: ("PCMA", 8000)}
SETUP_ROLES = ("active", "passive", "actpass")
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


def parse(sdp: object) -> Description:
    """Read the far end's description. Raises SdpError, whose message says what is missing."""
    if not isinstance(sdp, str) or not sdp.strip():
        raise SdpError("the far end sent no session description; the call cannot have audio")
    if len(sdp) > MAX_SDP_CHARS:
        raise SdpError(f"the session description has {len(sdp)} characters, more than {MAX_SDP_CHARS}; it is refused")
    try:
        return _parse(sdp)
    except (ValueError, IndexError) as error:
        raise SdpError(f"the session description cannot be read ({error}); the far end has to correct it") from None


def _parse(sdp: str) -> Description:
    head, *sections = [part.splitlines() for part in re.split(r"(?=^m=)", sdp, flags=re.MULTILINE)]
    index = next((n for n, lines in enumerate(sections) if _is_audio(lines[0])), None)
    if index is None:
        raise SdpError("the session description offers no encrypted audio; the far end has to offer WebRTC audio")
    lines = sections[index]
    value = _Values(head, lines)
    description = Description(
        ice=_ice(value),
        fingerprints=_fingerprints(value),
        setup=_setup(value),
        codecs=_codecs(lines[0], value),
        mid=value.first("mid") or str(index),
        direction=value.first_of(DIRECTIONS) or "sendrecv",
        session_id=_session_id(head),
        ptime_ms=_ptime(value.first("ptime")),
        longest_packet_ms=_longest_packet(value.first("maxptime")),
        others=tuple(_rejected(part) for n, part in enumerate(sections) if n != index),
        audio_index=index,
        profile=lines[0].split()[2],
        is_bundled=any(value.first("mid") in line.split()[1:] for line in head if line.startswith("a=group:BUNDLE")),
        has_mid=bool(value.first("mid")),
        has_rtcp_mux=bool(value.first_of(("rtcp-mux", "rtcp-mux-only"))),
    )
    if not any(codec.key in SOUND_KEYS for codec in description.codecs):
        raise SdpError("the far end speaks neither Opus nor PCMU nor PCMA; it has to offer one of them")
    return description


def _session_id(head: list[str]) -> int:
    found = re.search(r"^o=\S+ (\d{1,20}) ", "\n".join(head), re.MULTILINE)
    return int(found[1]) if found else 0


class _Values:
    """The attributes of the audio section, with those of the session behind them."""

    def __init__(self, head: list[str], lines: list[str]) -> None:
        self._own, session = (
            [line.strip()[2:] for line in part if line.startswith("a=")] for part in (lines, head)
        )
        self._lines = self._own + session

    def all(self, name: str) -> list[str]:
        """Values of an attribute, the section's before the session's."""
        return [line[len(name) + 1 :].strip() for line in self._lines if line.startswith(name + ":")]

    def nearest(self, name: str) -> list[str]:
        """Values of an attribute of the section, or of the session where the section has none."""
        return [line[len(name) + 1 :].strip() for line in self._own if line.startswith(name + ":")] or self.all(name)

    def first(self, name: str) -> str:
        """The section's value, else the session's, else empty."""
        return next(iter(self.all(name)), "")

    def first_of(self, flags: Collection[str]) -> str:
        """The first of these valueless attributes, the section's before the session's; else empty."""
        return next((line for line in self._lines if line in flags), "")


def _is_audio(first_line: str) -> bool:
    fields = first_line.split()
    return len(fields) > 3 and fields[0] == "m=audio" and fields[1] != "0" and fields[2] in SECURE_PROFILES


def _ice(value: _Values) -> IceParameters:
    ufrag, password = value.first("ice-ufrag"), value.first("ice-pwd")
    if not re.fullmatch(r"[A-Za-z0-9+/=_-]{4,256}", ufrag) or not re.fullmatch(r"[A-Za-z0-9+/=_-]{22,256}", password):
        raise SdpError("the session description has no usable ICE user name and password; the far end has to add them")
    candidates = tuple(dict.fromkeys(value.all("candidate")))[:MAX_CANDIDATES]
    return IceParameters(ufrag, password, candidates, bool(value.first_of(("ice-lite",))))


def _fingerprints(value: _Values) -> tuple[tuple[str, str], ...]:
    found = [tuple(line.split(None, 1)) for line in value.nearest("fingerprint")]
    usable = [(f[0].lower(), f[1].strip().upper()) for f in found if len(f) == 2]
    if not usable:
        raise SdpError("the session description has no certificate fingerprint; unencrypted audio is refused")
    if not any(algorithm in HASHES for algorithm, _ in usable):
        weak = excerpt(usable[0][0])
        raise SdpError(f"the certificate fingerprint is {weak}, which proves nothing; the far end has to use sha-256")
    return tuple(dict.fromkeys(usable))


def _setup(value: _Values) -> str:
    setup = value.first("setup").lower()
    if setup and setup not in SETUP_ROLES:
        raise SdpError(f"the session description has a=setup:{setup[:20]}; expected one of {', '.join(SETUP_ROLES)}")
    return setup


def _codecs(first_line: str, value: _Values) -> tuple[Codec, ...]:
    maps, parameters = (dict(_parted(value.all(name))) for name in ("rtpmap", "fmtp"))
    codecs = []
    for number in dict.fromkeys(first_line.split()[3:]):
        payload_type = int(number)
        if not 0 <= payload_type <= 127:
            raise ValueError(f"payload type {payload_type}")
        name, clock_hz, channels = _rtpmap(maps.get(number), payload_type)
        if name:
            codecs.append(Codec(payload_type, name, clock_hz, channels, _fmtp(parameters.get(number, ""))))
    return tuple(codecs)


def _parted(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Part each line into its first word and the rest; one of a single word says nothing."""
    for line in lines:
        words = line.split(None, 1)
        if len(words) == 2:
            yield words[0], words[1]


def _rtpmap(text: str | None, payload_type: int) -> tuple[str, int, int]:
    if text is None:
        return *STATIC_CODECS.get(payload_type, ("", 0)), 1
    name, clock_hz, *channels = text.strip().split("/")
    return name, int(clock_hz), int(channels[0]) if channels else 1


def _fmtp(text: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in text.split(";") if part.strip())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _ptime(text: str) -> int | None:
    length_ms = _whole_ms(text)
    return length_ms if 10 <= length_ms <= LONGEST_PACKET_MS else None


def _longest_packet(text: str) -> int:
    """What the far end can take at once, in ms (RFC 8866 section 6.4)."""
    return _whole_ms(text) or LONGEST_PACKET_MS


def _whole_ms(text: str) -> int:
    """The whole part of what may have a fraction (RFC 8866 section 6.4), LONGEST_PACKET_MS at most; 0 for no number."""
    found = re.fullmatch(r"([0-9]{1,9})(\.[0-9]+)?", text)
    return min(int(found[1]), LONGEST_PACKET_MS) if found else 0


def _rejected(lines: list[str]) -> RejectedSection:
    fields = lines[0].strip().split()
    if len(fields) < 4:
        raise ValueError("a section without formats")
    mid = next((line.strip()[6:] for line in lines if line.startswith("a=mid:")), "")
    return RejectedSection(" ".join([fields[0], "0", *fields[2:]]), mid)
