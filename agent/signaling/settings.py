"""The section [signaling] of config.toml."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.signaling.backoff import RECONNECT_MAX_FLOOR_MS, RECONNECT_MAX_MS
from agent.signaling.pstream.generation import GENERATIONS, SECOND
from agent.signaling.pstream.link import CONNECT_TIMEOUT_MS

PSTREAM, SIP = "pstream", "sip"  #: the protocols


@dataclass(frozen=True)
class SignalingSettings:
    """Which voice service to use, and how patiently."""

    server: str = field(
        default="",
        metadata={"help": "host:port of the voice service; empty means the Twilio service", "kind": "host_port"},
    )
    generation: str = field(
        default=SECOND.number,
        metadata={
            "help": "wire of the voice service: 2 as its SDK 2.x, 1 as SDK 1.x, which the service has retired",
            "choices": tuple(GENERATIONS),
        },
    )
    edge: str = field(
        default="roaming",
        metadata={"help": "edge of the Twilio service; several, with commas between, are tried in turn",
                  "kind": "edges"},
    )
    ca_file: str = field(
        default="",
        metadata={"help": "PEM file of the authority that signed the server's certificate", "kind": "pem"},
    )
    backoff_max_ms: int = field(
        default=RECONNECT_MAX_MS,
        metadata={
            "help": "longest pause between two tries to connect",
            "min": RECONNECT_MAX_FLOOR_MS,
            "max": 600_000,
        },
    )
    connect_timeout_ms: int = field(
        default=CONNECT_TIMEOUT_MS,
        metadata={"help": "time that one try to connect may take", "min": 500, "max": 60_000},
    )
    insights: str = field(
        default="auto",
        metadata={
            "help": "whether call quality is reported; auto means with the Twilio service only",
            "choices": ("auto", "on", "off"),
        },
    )
    insights_host: str = field(
        default="eventgw.twilio.com",
        metadata={"help": "host, or host:port, that takes the reports; this one: the one that the service wants",
                  "kind": "host"},
    )
    protocol: str = field(
        default=PSTREAM,
        metadata={"help": "pstream: the Twilio service or a switchboard; sip: the PBX in [sip]",
                  "choices": (PSTREAM, SIP)},
    )  # fmt: skip

    @property
    def edges(self) -> list[str]:
        """The edges to try, in order."""
        return [edge.strip() for edge in self.edge.split(",") if edge.strip()]

    @property
    def publish_events(self) -> bool:
        """Whether call quality is reported."""
        return self.insights == "on" or (self.insights == "auto" and not self.server and not self.is_sip)

    @property
    def is_sip(self) -> bool:
        """Whether calls go by SIP."""
        return self.protocol == SIP
