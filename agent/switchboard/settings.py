"""The settings of the embedded switchboard ([switchboard] in config.toml)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SwitchboardSettings:
    """One site's switchboard: where it listens, where it keeps its keys, how long it waits, what it refuses."""

    listen_host: str = field(
        default="127.0.0.1", metadata={"help": "address to listen on; 0.0.0.0 or :: for every interface"}
    )
    listen_port: int = field(default=8443, metadata={"help": "TCP port; 0 takes a free one", "min": 0, "max": 65535})
    state_dir: str = field(
        default="",
        metadata={"help": "folder of the keys and certificates; empty: the service's state folder", "kind": "place"},
    )
    names: tuple[str, ...] = field(
        default=(), metadata={"help": "further host names and addresses that the certificate shall cover"}
    )
    demo_tokens: bool = field(
        default=False, metadata={"help": "give the browser phone tokens (only on private networks)"}
    )
    demo_target: str = field(default="", metadata={"help": "identity that the browser phone proposes to call"})
    ring_timeout_s: float = field(
        default=45.0, metadata={"help": "a call that nobody answers ends after this time", "min": 1, "max": 600}
    )
    reconnect_grace_s: float = field(
        default=60.0, metadata={"help": "a call survives this long without its client's socket", "min": 0, "max": 600}
    )
    media_grace_s: float = field(
        default=45.0, metadata={"help": "a call survives this long without audio", "min": 1, "max": 600}
    )
    heartbeat_s: float = field(default=10.0, metadata={"help": "interval of the heartbeat frame", "min": 1, "max": 14})
    token_ttl_s: int = field(
        default=3600, metadata={"help": "life of the tokens that this switchboard hands out", "min": 10, "max": 86400}
    )
    max_clients: int = field(default=100, metadata={"help": "sockets at one time", "min": 1, "max": 10000})
    max_calls: int = field(default=20, metadata={"help": "calls at one time", "min": 1, "max": 1000})
    max_calls_per_client: int = field(
        default=5, metadata={"help": "calls that one identity has begun, at one time", "min": 1, "max": 1000}
    )
    max_frame_bytes: int = field(
        default=65536, metadata={"help": "longest signaling frame that is read", "min": 4096, "max": 1048576}
    )
    frames_per_s: float = field(
        default=20.0, metadata={"help": "frames a client may send each second on average", "min": 1, "max": 1000}
    )
