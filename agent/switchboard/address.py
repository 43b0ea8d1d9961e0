"""Where a switchboard is reached."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from agent.switchboard.state_dir import outgoing_address

WILDCARDS = ("", "0.0.0.0", "::")


@dataclass(frozen=True)
class SwitchboardAddress:
    """Where a running switchboard is reached, and what to verify it with."""

    host: str
    port: int
    ca_file: Path

    @classmethod
    def of(cls, listen_host: str, port: int, ca_file: Path) -> SwitchboardAddress:
        """Return the address for clients of a switchboard that listens there."""
        if listen_host in WILDCARDS:
            listen_host = outgoing_address() or "127.0.0.1"
        return cls(listen_host, port, ca_file)

    @property
    def server(self) -> str:
        """What the `chunderw` option of the SDKs and `[signaling] server` take."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_elsewhere(self) -> bool:
        """Whether other machines can reach it, and so a telephone."""
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host != "localhost"

    @property
    def url(self) -> str:
        """The page of the browser phone."""
        return f"https://{self.server}/"
