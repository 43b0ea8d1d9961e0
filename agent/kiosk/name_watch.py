"""Connects as soon as a name of the service can be looked up again, however long the pause between two tries is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

import gevent

from agent.config import Config
from agent.hub_clock import sleep_to_round
from agent.kiosk.box_events import Noticeboard
from agent.net.resolve import resolve
from agent.signaling.pstream.endpoints import signaling_uris
from agent.signaling.pstream.generation import GENERATIONS
from agent.supervision.heartbeat import Heartbeat

LOOK_S = 2.0
BOOT_S = 8.0  # a box that has not reached the service for so long says so
SILENT = "the service has not been reached yet; see to the network, and to its names (DNS)"


class NameWatch:
    """`run` is a child for the supervisor; `found()` is called when a name that had no address has one."""

    def __init__(self, hosts: Iterable[str], board: Noticeboard, found: Callable[[], Any]) -> None:
        self._hosts = tuple(hosts)
        self._board = board
        self._found = found
        self._is_lost = False

    def run(self, heartbeat: Heartbeat) -> None:
        """Look while the box is offline, until it is killed."""
        with gevent.Timeout(BOOT_S, False):
            while self._board.situation.booting:
                self._look(heartbeat)
        if self._board.situation.booting:
            self._board.show(booting=False, offline_reason=self._board.situation.offline_reason or SILENT)
        while True:
            self._look(heartbeat)

    def _look(self, heartbeat: Heartbeat) -> None:
        heartbeat.beat()
        if not self._board.situation.registered:
            self._ask()
        sleep_to_round(LOOK_S)

    def _ask(self) -> None:
        was_lost, self._is_lost = self._is_lost, not any(map(_is_known, self._hosts))
        if was_lost and not self._is_lost:
            self._found()


def service_hosts(config: Config) -> list[str]:
    """List the names of what the box registers with: the switchboard's, those of the service's edges, or of a PBX's."""
    hosts = (urlsplit(uri).hostname for uri in _uris(config))
    return [host for host in hosts if host is not None]


def _uris(config: Config) -> Sequence[str]:
    settings = config.signaling
    if settings.is_sip:
        return config.sip.edges
    edge = None if settings.server else settings.edges
    return signaling_uris(edge, None, settings.server or None, generation=GENERATIONS[settings.generation])


def _is_known(host: str) -> bool:
    try:
        resolve(host, 443)
    except OSError:
        return False
    return True
