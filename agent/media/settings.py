"""Everything about a call's media that can be set."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class IceServer:
    """One STUN or TURN server; `urls` as in W3C: stun:host:port, turn:host:port?transport=udp|tcp, turns:host:port."""

    urls: tuple[str, ...] = field(metadata={"help": "one server, as turn:turn.example.org:3478", "secret": True})
    username: str = field(default="", metadata={"help": "user name of a TURN server"})
    credential: str = field(default="", metadata={"help": "password of a TURN server", "secret": True})


@dataclass(frozen=True)
class MediaSettings:
    """Section [media] of config.toml."""

    codec_preferences: tuple[str, ...] = field(
        default=("opus", "pcmu"), metadata={"help": "codecs, the wanted first", "choices": ("opus", "pcmu")}
    )
    max_average_bitrate: int = field(
        default=0, metadata={"help": "limit for the far end's Opus bit/s, 0 = none", "min": 0, "max": 510_000}
    )
    ice_servers: tuple[IceServer, ...] = field(
        default=(), metadata={"help": "STUN and TURN servers", "kind": "tables"}
    )
    ice_transport_policy: str = field(
        default="all", metadata={"help": "all, or relay to use TURN only", "choices": ("all", "relay")}
    )
    turn_ca_file: str = field(
        default="", metadata={"help": "certificate authority of a private TURN server", "kind": "pem"}
    )
    dscp: int = field(
        default=46, metadata={"help": "DiffServ code point of audio packets (46 = EF), 0 = none", "min": 0, "max": 63}
    )
    opus_bitrate: int = field(
        default=64_000,
        metadata={"help": "Opus bit/s; from 64000 a call without losses costs less CPU", "min": 6_000, "max": 128_000},
    )
    opus_complexity: int = field(
        default=5, metadata={"help": "Opus encoder complexity; 0 for a Pi Zero", "min": 0, "max": 10}
    )
    packet_ms: int = field(
        default=20, metadata={"help": "audio per packet; longer costs less CPU and more delay", "choices": (20, 40, 60)}
    )
    opus_fec: bool = field(default=True, metadata={"help": "send in-band forward error correction"})
    opus_dtx: bool = field(default=False, metadata={"help": "send less in silence"})
    playout_min_ms: int = field(
        default=0, metadata={"help": "shortest wait of received audio", "min": 0, "max": 500}
    )
    playout_max_ms: int = field(
        default=200, metadata={"help": "longest wait of received audio", "min": 40, "max": 2_000}
    )
    disconnected_after_ms: int = field(
        default=3_000, metadata={"help": "silence of the path that counts as disconnected", "min": 200, "max": 60_000}
    )
    failed_after_ms: int = field(
        default=12_000, metadata={"help": "further silence that counts as failed", "min": 200, "max": 120_000}
    )
    aggressive_nomination: bool = field(
        default=False, metadata={"help": "ignore that the far end is ICE-lite, as the SDK's option does"}
    )
    network_watch: bool = field(default=True, metadata={"help": "notice changes of addresses and routes at once"})
