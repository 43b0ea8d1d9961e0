"""What a call's media looks like from outside: candidates, and the figures that quality is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from agent.media.ice.library import Candidate
    from hw.sound.pcm import PcmSamples


@dataclass(frozen=True)
class CandidateInfo:
    """One ICE candidate (RFC 8839 section 5.1); the names are those of W3C's RTCIceCandidate in snake case."""

    type: str
    ip: str
    port: int
    priority: int
    protocol: str
    related_address: str | None = None
    related_port: int | None = None
    tcp_type: str | None = None
    sdp_mid: str = "0"

    @classmethod
    def of(cls, candidate: Candidate) -> CandidateInfo:
        """Copy what aioice's candidate says."""
        return cls(
            type=candidate.type,
            ip=candidate.host,
            port=candidate.port,
            priority=candidate.priority,
            protocol=candidate.transport,
            related_address=candidate.related_address,
            related_port=candidate.related_port,
            tcp_type=candidate.tcptype,
        )


class LevelSnapshots(NamedTuple):
    """What the level meters of a browser would have looked at: 32 samples of every 50 ms (spec: quality 4)."""

    input: tuple[PcmSamples, ...] = ()
    output: tuple[PcmSamples, ...] = ()


@dataclass(frozen=True)
class RawStats:
    """Cumulative counters of one call (spec: quality 2); None means unknown."""

    timestamp_ms: float
    jitter_ms: float | None = None
    packets_lost: int | None = None
    packets_received: int | None = None
    bytes_received: int | None = None
    packets_sent: int | None = None
    bytes_sent: int | None = None
    codec_name: str | None = None
    rtt_ms: float | None = None
    local_address: str | None = None
    remote_address: str | None = None
