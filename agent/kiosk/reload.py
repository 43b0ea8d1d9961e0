"""Takes changed settings while the box runs: what can change at once does, the rest waits until no call is on.

    lights, buttons, directory, keypad, answering, volumes, page, api, token, ca_file, log_level, and of sip the
    password, display_name, headers, reject_with, expires_s, trusted_edges   at once, no call notices
    everything else                                                           the program begins anew when it is idle

A file that cannot be used is refused, with every problem named, and nothing changes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import gevent

from agent.config import Config
from agent.config.settings_file import SettingsFile
from agent.errors import AgentError
from agent.kiosk.admission import credentials
from agent.kiosk.kiosk import Kiosk, talks
from hw.errors import HardwareError

log = logging.getLogger(__name__)

VOLUMES = ("sound.volume_percent", "sound.volume_step_percent")
ACCOUNT = tuple(f"sip.{name}" for name in ("secret", "secret_file", "secret_command", "display_name", "headers",
                                           "reject_with", "expires_s", "trusted_edges"))  # fmt: skip
REPLY_S = 0.2  # for the answer to leave before the program begins anew


def changed_keys(old: Config, new: Config) -> list[str]:
    """Name what differs: section.key, or the section where its keys are names."""
    keys = []
    for section in fields(Config):
        before, after = getattr(old, section.name), getattr(new, section.name)
        if is_dataclass(before):
            keys += [f"{section.name}.{one.name}" for one in fields(before)
                     if getattr(before, one.name) != getattr(after, one.name)]  # fmt: skip
        elif before != after:
            keys.append(section.name)
    return keys


def with_keys(old: Config, new: Config, keys: list[str]) -> Config:
    """Take these keys of `new`, and everything else of `old`."""
    mixed = old
    for key in keys:
        section, _, name = key.partition(".")
        value = getattr(new, section)
        if name:
            value = replace(getattr(mixed, section), **{name: getattr(value, name)})
        mixed = replace(mixed, **{section: value})
    return mixed


class Reload:
    """One box and its file; `set_level(name)` is told another level of the log, `begin_anew()` is called when idle."""

    def __init__(self, kiosk: Kiosk, settings: SettingsFile, begin_anew: Callable[[], Any],
                 set_level: Callable[[str], None] = lambda level: None) -> None:  # fmt: skip
        self._kiosk = kiosk
        self._settings = settings
        self._begin_anew = begin_anew
        self._set_level = set_level
        self._waits: list[str] = []
        kiosk.board.on("situation", lambda _situation: self._look())
        kiosk.control.offer("reload", self.now)

    def now(self) -> dict[str, list[str]]:
        """Read the file and do what it says; returns the keys that are `applied`, and those that `wait`.

        Raises ConfigError, PinError or InvalidArgumentError: what was in use before stays in use.
        """
        new = self._settings.load()
        old = self._kiosk.config
        changed = changed_keys(old, new)
        applied = [key for key in changed if self._appliers(key) and not self._waits_for(key, changed)]
        self._apply(with_keys(old, new, applied), applied)
        self._waits = [key for key in changed if key not in applied]
        self._kiosk.board.trouble("reload", "")
        log.info("new settings: %s; %s", ", ".join(applied) or "nothing at once", self._in_words())
        self._look()
        return {"applied": applied, "waits": list(self._waits)}

    def on_hangup(self) -> None:
        """Do it because of SIGHUP: what is wrong goes to the log and the lights."""
        try:
            self.now()
        except (AgentError, HardwareError) as error:
            log.error("the new settings are refused, the old ones stay in use: %s", error)
            self._kiosk.board.trouble("reload", f"the new settings are refused: {error}")

    def _apply(self, config: Config, keys: list[str]) -> None:
        """The panel first: it is the one that may refuse."""
        appliers = {applier: None for key in keys for applier in [self._appliers(key)] if applier is not None}
        for applier in sorted(appliers, key=lambda one: one != self._panel):
            applier(config)
        self._kiosk.config = config

    def _waits_for(self, key: str, changed: list[str]) -> bool:
        """Whether it belongs to another protocol, or other edges, which are used when the program has begun anew.

        A trust that is changed means another stream; the calls by SIP that are on would end with theirs. Whom to
        believe is said of edges, and waits with them.
        """
        if "signaling.protocol" in changed and key.partition(".")[0] in ("token", "sip"):
            return True
        if key == "sip.trusted_edges" and "sip.edges" in changed:
            return True
        return key == "signaling.ca_file" and self._kiosk.config.signaling.is_sip

    def _appliers(self, key: str) -> Callable[[Config], None] | None:
        section = key.partition(".")[0]
        by_key: Mapping[str, Callable[[Config], None]] = {
            "buttons": self._panel, "lights": self._panel, "answering": self._answering, "page": self._page,
            "directory": self._answering, "keypad": self._answering, "api": self._page, "token": self._admission,
            "signaling.ca_file": self._admission, "service.log_level": self._log_level,
            **dict.fromkeys(VOLUMES, self._volume), **dict.fromkeys(ACCOUNT, self._admission),
        }  # fmt: skip
        return by_key.get(key) or by_key.get(section)

    def _panel(self, config: Config) -> None:
        self._kiosk.panel.wire(config.buttons, config.lights)
        self._answering(config)
        self._kiosk.box.changed()

    def _answering(self, config: Config) -> None:
        self._kiosk.attendant.use(config.answering, config.directory, push_to_talk=talks(config))
        self._kiosk.digits.use(config.directory, config.keypad)
        self._kiosk.panel.entries = config.directory
        self._kiosk.box.changed()

    def _page(self, config: Config) -> None:
        self._kiosk.page.use(config.page, config.api)
        self._kiosk.supervisor.renew("page")

    def _admission(self, config: Config) -> None:
        before = self._kiosk.config
        is_another = credentials(config) != credentials(before)
        self._kiosk.registrar.use(config)
        if is_another:
            self._kiosk.supervisor.renew("registration")

    def _volume(self, config: Config) -> None:
        self._kiosk.volume.use(config.sound)

    def _log_level(self, config: Config) -> None:
        self._set_level(config.service.log_level)

    def _in_words(self) -> str:
        if not self._waits:
            return "nothing waits"
        return f"{', '.join(self._waits)}: the program begins anew {'now' if self._kiosk.is_idle else 'after the call'}"

    def _look(self) -> None:
        """Begin anew once nothing is going on."""
        if self._waits and self._kiosk.is_idle and not self._kiosk.comes_back:
            self._kiosk.comes_back = True
            gevent.spawn_later(REPLY_S, self._begin_if_idle)

    def _begin_if_idle(self) -> None:
        if self._kiosk.is_idle:
            self._begin_anew()
        else:  # somebody called in this moment
            self._kiosk.comes_back = False

