"""The section [sip] of config.toml: who this box is at its PBX, and how it is reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

SECRET_SOURCES = ("secret", "secret_file", "secret_command")
DECLINE, BUSY = 603, 486
EXPIRES_S = 300
MIN_EXPIRES_S, MAX_EXPIRES_S = 60, 86_400


def _place(edge: str) -> tuple[str | None, int, str]:
    """Tell what an address leads to, however it is written."""
    parts = urlsplit(edge)
    return parts.hostname, parts.port or 443, parts.path or "/"


@dataclass(frozen=True)
class SipSettings:
    """What [signaling] protocol = "sip" needs; nothing of it is used with another protocol."""

    edges: tuple[str, ...] = field(
        default=(),
        metadata={"help": "wss:// addresses of the PBX; a connection to each of the first two is kept",
                  "kind": "edge_uri"},
    )  # fmt: skip
    user: str = field(
        default="",
        metadata={"help": "name or number of this box at the PBX; empty: that of [box] identity", "kind": "sip_user",
                  "max_length": 121},
    )  # fmt: skip
    domain: str = field(default="", metadata={"help": "domain of the PBX, as in sip:user@domain", "kind": "domain"})
    secret: str = field(default="", repr=False, metadata={"help": "the password itself", "kind": "one_line",
                                                              "secret": True})  # fmt: skip
    secret_file: str = field(
        default="", metadata={"help": "file that holds the password; read again when it changes", "kind": "file"}
    )
    secret_command: tuple[str, ...] = field(
        default=(),
        repr=False,
        metadata={"help": "program and arguments that print the password", "secret": True},
    )
    display_name: str = field(
        default="",
        metadata={"help": "what phones show beside the number", "max_length": 121, "kind": "one_line"},
    )
    expires_s: int = field(
        default=EXPIRES_S,
        metadata={"help": "how long a registration is asked for", "min": MIN_EXPIRES_S, "max": MAX_EXPIRES_S},
    )
    instance: str = field(
        default="", metadata={"help": "UUID that no other box has; empty: made of this machine's own", "kind": "uuid"}
    )
    reject_with: int = field(
        default=DECLINE,
        metadata={"help": "answer of a refused call: 603 ends the ringing everywhere, 486 here", "choices": (603, 486)},
    )
    headers: tuple[str, ...] = field(
        default=(), metadata={"help": 'headers that go with each call: "X-Site: gate"', "kind": "sip_header"}
    )
    trusted_edges: tuple[str, ...] = field(
        default=(),
        metadata={"help": "those of edges whose word on who calls is true (P-Asserted-Identity)", "kind": "edge_uri"},
    )

    def __post_init__(self) -> None:
        """Raises ValueError when the settings contradict each other."""
        given = [name for name in SECRET_SOURCES if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are given; expected one place that the password comes from")
        places = [_place(edge) for edge in self.edges]
        if doubles := sorted({edge for edge in self.edges if places.count(_place(edge)) > 1}):
            raise ValueError(f"edges: {' and '.join(doubles)} is one address twice; expected each once")
        if strangers := [edge for edge in self.trusted_edges if _place(edge) not in places]:
            raise ValueError(f"trusted_edges: {' and '.join(strangers)} is none of edges; expected some out of edges")
        names = [header.partition(":")[0].strip().lower() for header in self.headers]
        if len(set(names)) < len(names):
            raise ValueError("headers: one name stands there twice; expected each header once")

    @property
    def secret_source(self) -> str:
        """The one source that is set: a name out of SECRET_SOURCES, or empty."""
        return next((name for name in SECRET_SOURCES if getattr(self, name)), "")

    @property
    def trusted(self) -> tuple[str, ...]:
        """Those of `edges` that are trusted, as they are written there."""
        places = [_place(edge) for edge in self.trusted_edges]
        return tuple(edge for edge in self.edges if _place(edge) in places)

    @property
    def is_given(self) -> bool:
        """Whether the section says anything."""
        return self != SipSettings()

    @property
    def header_values(self) -> dict[str, str]:
        """The headers by their names."""
        pairs = (header.partition(":") for header in self.headers)
        return {name.strip(): value.strip() for name, _, value in pairs}
