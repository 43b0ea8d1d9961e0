"""The settings of the embedded switchboard ([switchboard] in config.toml)."""

from __future__ import annotations

from dataclasses import dataclass

from hw.setting import setting


@dataclass(frozen=True)
class SwitchboardSettings:
    """One site's switchboard: where it listens, where it keeps its keys, how long it waits, what it refuses."""

    listen_host: str = setting("127.0.0.1", "address to listen on; 0.0.0.0 or :: for every interface")
    listen_port: int = setting(8443, "TCP port; 0 takes a free one", min=0, max=65535)
    state_dir: str = setting("", "folder of the keys and certificates; empty: the service's state folder", kind="place")
    names: tuple[str, ...] = setting((), "further host names and addresses that the certificate shall cover")
    demo_tokens: bool = setting(False, "give the browser phone tokens (only on private networks)")
    demo_target: str = setting("", "identity that the browser phone proposes to call")
    ring_timeout_s: float = setting(45.0, "a call that nobody answers ends after this time", min=1, max=600)
    reconnect_grace_s: float = setting(60.0, "a call survives this long without its client's socket", min=0, max=600)
    media_grace_s: float = setting(45.0, "a call survives this long without audio", min=1, max=600)
    heartbeat_s: float = setting(10.0, "interval of the heartbeat frame", min=1, max=14)
    token_ttl_s: int = setting(3600, "life of the tokens that this switchboard hands out", min=10, max=86400)
    max_clients: int = setting(100, "sockets at one time", min=1, max=10000)
    max_calls: int = setting(20, "calls at one time", min=1, max=1000)
    max_calls_per_client: int = setting(5, "calls that one identity has begun, at one time", min=1, max=1000)
    max_frame_bytes: int = setting(65536, "longest signaling frame that is read", min=4096, max=1048576)
    frames_per_s: float = setting(20.0, "frames a client may send each second on average", min=1, max=1000)
