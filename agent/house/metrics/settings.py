"""The `[metrics]` section: where figures are served."""

from __future__ import annotations

from dataclasses import dataclass

from hw.setting import setting


@dataclass(frozen=True)
class MetricsSettings:
    """Where Prometheus finds the figures of this box; nothing secret is in them, so nobody is asked for a password."""

    listen: str = setting("", "address and port of /metrics; empty: none", kind="host_port")
    hosts: tuple[str, ...] = setting((), "names by which it is asked, besides addresses and this machine's name",
                                     kind="host")  # fmt: skip

    @property
    def password(self) -> str:
        """The empty one: there is none."""
        return ""

    @property
    def is_used(self) -> bool:
        """Whether figures are served."""
        return bool(self.listen)

    @property
    def host(self) -> str:
        """Where to listen, without the port."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """Which port to listen at; 0 for any."""
        return int(self.listen.rpartition(":")[2] or 0)
