"""The tickets of a Device's calls: kept up to date in a store, and taken from it once, by the next process."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from agent.log import FailureLog
from agent.voice.call_ticket import MOST_TICKETS, CallTicket
from agent.voice.connection import Connection

log = logging.getLogger(__name__)


class TicketStore(Protocol):
    """Where tickets outlive the process; never on a disk. It never raises but OSError."""

    def load(self) -> Sequence[CallTicket]: ...

    def save(self, tickets: Sequence[CallTicket]) -> None: ...


class TicketsOwner(Protocol):
    """The Device."""

    @property
    def calls(self) -> Any: ...


class CallTickets:
    """Derived from the calls that there are: whoever changes one says `changed`."""

    def __init__(self, device: TicketsOwner, store: TicketStore | None) -> None:
        self._device = device
        self._store = store
        self._saved: list[CallTicket] = []
        self._failures = FailureLog(log, "noting the calls for the next process")

    def take(self) -> list[CallTicket]:
        """Return what the process before this one left, each once."""
        if self._store is None:
            return []
        left = list(self._store.load())[:MOST_TICKETS]
        self._saved = left
        return left

    def changed(self) -> None:
        """Save the tickets of the calls that are on, if they are others than before."""
        if self._store is None:
            return
        calls: list[Connection] = self._device.calls.all()
        tickets = [ticket for call in calls if (ticket := call.ticket) is not None][-MOST_TICKETS:]
        if tickets == self._saved:
            return
        self._saved = tickets
        try:
            self._store.save(tickets)
        except OSError as error:
            self._failures.failed(error)
        else:
            self._failures.recovered()
