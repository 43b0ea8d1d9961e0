"""Connects as soon as the service's name can be looked up again, however long the pause between two tries is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent

from agent.hub_clock import sleep_to_round
from agent.kiosk.box_events import Noticeboard
from agent.net.resolve import resolve
from agent.supervision.heartbeat import Heartbeat

LOOK_S = 2.0
BOOT_S = 8.0  # a box that has not reached the service for so long says so
SILENT = "the service has not been reached yet; see to the network, and to its names (DNS)"


class NameWatch:
    """`run` is a child for the supervisor; `found()` is called when a name that had no address has one."""

    def __init__(self, host: str, board: Noticeboard, found: Callable[[], Any]) -> None:
        self._host = host.rpartition(":")[0] or host
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
        if self._host and not self._board.situation.registered:
            self._ask()
        sleep_to_round(LOOK_S)

    def _ask(self) -> None:
        try:
            resolve(self._host, 443)
        except OSError:
            self._is_lost = True
            return
        if self._is_lost:
            self._is_lost = False
            self._found()
