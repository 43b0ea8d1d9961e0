"""The `[page]` section: where the box's own web page is served, and to whom."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from hw.errors import SettingError
from hw.setting import setting

MIN_PASSWORD = 8


@dataclass(frozen=True)
class PageSettings:
    """Who may see the box and press its buttons from a browser."""

    enabled: bool = setting(True, "serve the page")
    listen: str = setting("127.0.0.1:8080", "address and port; beyond this machine only with a password",
                          kind="host_port")  # fmt: skip
    password: str = setting("", "asked for by the browser, with any user name; empty: none", secret=True)
    hosts: tuple[str, ...] = setting((), "names of this box that the page answers to, besides its host name",
                                     kind="host")  # fmt: skip

    def __post_init__(self) -> None:
        if not self.is_local and not self.password:
            raise SettingError(f"listen = {self.listen!r} lets others open the door: set a password, or use 127.0.0.1")
        if self.password and len(self.password) < MIN_PASSWORD:
            raise SettingError(f"password must have at least {MIN_PASSWORD} characters")

    @property
    def host(self) -> str:
        """Where to listen, without the port."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """Which port to listen at; 0 for any."""
        return int(self.listen.rpartition(":")[2])

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the page."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
