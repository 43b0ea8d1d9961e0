"""What matters of one session description of an audio call."""

from __future__ import annotations

from dataclasses import dataclass

from agent.media.sdp.codecs import Codec

USUAL_PROFILE = "UDP/TLS/RTP/SAVPF"
LONGEST_PACKET_MS = 120
REVERSED = {"sendonly": "recvonly", "recvonly": "sendonly"}


@dataclass(frozen=True)
class IceParameters:
    """One generation of ICE as seen from the other side; `candidates` are the values of `a=candidate`."""

    ufrag: str
    password: str
    candidates: tuple[str, ...] = ()
    lite: bool = False

    @property
    def credentials(self) -> tuple[str, str]:
        """What is new with each restart."""
        return self.ufrag, self.password


@dataclass(frozen=True)
class RejectedSection:
    """A section that is answered with port 0."""

    first_line: str
    mid: str  # empty where the section names none


@dataclass(frozen=True)
class Description:
    """What matters of one session description; `codecs` in the order of the payload list."""

    ice: IceParameters
    fingerprints: tuple[tuple[str, str], ...]
    setup: str  # empty where the description names none
    codecs: tuple[Codec, ...]
    mid: str = "0"
    direction: str = "sendrecv"
    session_id: int = 0
    ptime_ms: int | None = None
    longest_packet_ms: int = LONGEST_PACKET_MS
    others: tuple[RejectedSection, ...] = ()
    audio_index: int = 0
    profile: str = USUAL_PROFILE
    is_bundled: bool = True
    has_mid: bool = True
    has_rtcp_mux: bool = True  # reports may come, and go, where the sound does (RFC 5761)

    def codec(self, name: str, clock_hz: int | None = None) -> Codec | None:
        """Find the first payload type of that name."""
        for codec in self.codecs:
            if codec.name.lower() == name and clock_hz in (None, codec.clock_hz):
                return codec
        return None
