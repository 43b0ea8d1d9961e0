"""Everything about a call's media that can be set."""

from __future__ import annotations

from dataclasses import dataclass, field

from hw.setting import setting


@dataclass(frozen=True)
class IceServer:
    """One STUN or TURN server; `urls` as in W3C: stun:host:port, turn:host:port?transport=udp|tcp, turns:host:port."""

    urls: tuple[str, ...] = field(metadata={"help": "one server, as turn:turn.example.org:3478", "secret": True})
    username: str = setting("", "user name of a TURN server")
    credential: str = setting("", "password of a TURN server", secret=True)


@dataclass(frozen=True)
class MediaSettings:
    """Section [media] of config.toml."""

    codec_preferences: tuple[str, ...] = setting(
        ("opus", "pcmu"), "codecs, the wanted first", choices=("opus", "pcmu", "pcma")
    )
    max_average_bitrate: int = setting(0, "limit for the far end's Opus bit/s, 0 = none", min=0, max=510_000)
    ice_servers: tuple[IceServer, ...] = setting((), "STUN and TURN servers", kind="tables")
    ice_transport_policy: str = setting("all", "all, or relay to use TURN only", choices=("all", "relay"))
    turn_ca_file: str = setting("", "certificate authority of a private TURN server", kind="pem")
    dscp: int = setting(46, "DiffServ code point of audio packets (46 = EF), 0 = none", min=0, max=63)
    opus_bitrate: int = setting(
        64_000, "Opus bit/s; from 64000 a call without losses costs less CPU", min=6_000, max=128_000
    )
    opus_complexity: int = setting(5, "Opus encoder complexity; 0 for a Pi Zero", min=0, max=10)
    packet_ms: int = setting(20, "audio per packet; longer costs less CPU and more delay", choices=(20, 40, 60))
    opus_fec: bool = setting(True, "send in-band forward error correction")
    opus_dtx: bool = setting(False, "send less in silence")
    playout_min_ms: int = setting(0, "shortest wait of received audio", min=0, max=500)
    playout_max_ms: int = setting(200, "longest wait of received audio", min=40, max=2_000)
    disconnected_after_ms: int = setting(3_000, "silence of the path that counts as disconnected", min=200, max=60_000)
    failed_after_ms: int = setting(12_000, "further silence that counts as failed", min=200, max=120_000)
    aggressive_nomination: bool = setting(False, "ignore that the far end is ICE-lite, as the SDK's option does")
    network_watch: bool = setting(True, "notice changes of addresses and routes at once")
