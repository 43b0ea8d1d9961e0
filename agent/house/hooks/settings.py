"""The `[hooks.NAME]` sections: when, and what then."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from agent.house.happenings import HAPPENINGS
from hw.errors import SettingError
from hw.setting import setting

EVERYTHING = "*"
MOST_EVENTS = 20
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e]*)")  # RFC 9110 section 5.1


@dataclass(frozen=True)
class HookSettings:
    """One hook."""

    on: tuple[str, ...] = setting((), "events: ring, call, answered, ... (docs/house.md); * is every one")
    command: tuple[str, ...] = setting((), "a program and its arguments; the event is in its environment", secret=True)
    url: str = setting("", "or an address that is sent the event as JSON", kind="url", secret=True)
    method: str = setting("POST", "how it is sent", choices=("POST", "PUT", "GET"))
    headers: tuple[str, ...] = setting((), "headers that go with it", secret=True)
    ca_file: str = setting("", "PEM file of the authority that signed the address's certificate; empty: the system's",
                           kind="pem")  # fmt: skip
    timeout_s: float = setting(10.0, "what takes longer is ended", min=0.1, max=300)
    queue: int = setting(16, "so many events wait while one is dealt with; the oldest is dropped", min=1, max=1000)

    def __post_init__(self) -> None:
        self._check_events()
        if bool(self.command) == bool(self.url):
            raise SettingError("expected either command or url, and not both")
        if self.command and not self.command[0].strip():
            raise SettingError("command: expected a program and its arguments")
        if self.command and "/" in self.command[0] and not self.command[0].startswith("/"):
            raise SettingError("command: it is run in the folder /; expected the whole path, or a name alone")
        if "@" in self.url.partition("://")[2].partition("/")[0]:
            raise SettingError("url: a name and password in an address are not sent; expected a header Authorization")
        for key in ("headers", "ca_file"):
            if getattr(self, key) and not self.url:
                raise SettingError(f"{key} belongs to url; a command has none")
        if not all(_HEADER.fullmatch(header) for header in self.headers):
            raise SettingError('headers: expected each like "Authorization: Bearer ..."')

    def _check_events(self) -> None:
        if not self.on:
            raise SettingError(f"on names no event; expected some of {', '.join(HAPPENINGS)}")
        for name in self.on:
            if name not in HAPPENINGS and name != EVERYTHING:
                close = difflib.get_close_matches(name, HAPPENINGS, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"expected some of {', '.join(HAPPENINGS)}"
                raise SettingError(f"on: there is no event {name!r}; {hint}")

    def wants(self, event: str) -> bool:
        """Tell whether this event is one of those it is for."""
        return event in self.on or EVERYTHING in self.on

    def header_pairs(self) -> dict[str, str]:
        """Return the headers as names and values."""
        return {match[1]: match[2].strip() for header in self.headers if (match := _HEADER.fullmatch(header))}
