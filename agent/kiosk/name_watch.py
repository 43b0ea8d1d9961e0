"""Connects as soon as a name of the service can be looked up again, however long the pause between two tries is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import gevent

from agent.kiosk.box_events import Noticeboard
from agent.net.resolve import resolve
from agent.signaling.pstream.endpoints import signaling_uris
from agent.signaling.pstream.generation import GENERATIONS
from agent.signaling.settings import SignalingSettings
from agent.supervision.heartbeat import Heartbeat

LOOK_S = 2.0
BOOT_S = 8.0  # a box that has not reached the service for so long says so
SILENT = "the service has not been reached yet; see to the network, and to its names (DNS)"


class NameWatch:
    """`run` is a child for the supervisor; `found()` is called when a name that had no address has one."""

    def __init__(self, settings: SignalingSettings, board: Noticeboard, found: Callable[[], Any]) -> None:
        self._hosts = service_hosts(settings)
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
        gevent.sleep(LOOK_S)

    def _ask(self) -> None:
        was_lost, self._is_lost = self._is_lost, not any(map(_is_known, self._hosts))
        if was_lost and not self._is_lost:
            self._found()


def service_hosts(settings: SignalingSettings) -> list[str]:
    """List the names of the service that the box registers with: the switchboard's, or those of its edges."""
    wire = GENERATIONS[settings.generation]
    edge = None if settings.server else settings.edges
    return [host for uri in signaling_uris(edge, None, settings.server or None, generation=wire)
            if (host := urlsplit(uri).hostname) is not None]  # fmt: skip


def _is_known(host: str) -> bool:
    try:
        resolve(host, 443)
    except OSError:
        return False
    return True
