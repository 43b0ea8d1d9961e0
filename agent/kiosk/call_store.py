"""Where a box keeps what its next process needs to come back to its calls: in the runtime folder, never on a disk."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from agent.errors import LocalFault
from agent.log import MOST_WHY, excerpt
from agent.service.runtime_file import RuntimeFile
from agent.voice.call_ticket import CallTicket

log = logging.getLogger(__name__)

FORMAT = 1


class CallStore:
    """One file of tickets, good for one identity at one service (`agent.voice.call_tickets.TicketStore`)."""

    def __init__(self, path: Path, service: str, identity: str) -> None:
        """`service` and `identity` name whose calls they are: others' are not taken up."""
        self._file = RuntimeFile(path)
        self._of = {"format": FORMAT, "service": service, "identity": identity}

    def load(self) -> list[CallTicket]:
        """Return what the process before this one left; what cannot be used is told once, and removed."""
        try:
            data = self._file.load()
            return self._read(data) if data else []
        except (LocalFault, ValueError, RecursionError) as error:
            log.warning("calls of the process before this one are not taken up: %s", excerpt(error, MOST_WHY))
            self._forget()
            return []

    def save(self, tickets: Sequence[CallTicket]) -> None:
        """Keep these, and no others. OSError."""
        calls = [ticket.to_json() for ticket in tickets]
        self._file.save(json.dumps({**self._of, "calls": calls}).encode() if calls else b"")

    def _read(self, data: bytes) -> list[CallTicket]:
        document = json.loads(data)
        if not isinstance(document, dict) or not isinstance(document.get("calls"), list):
            raise LocalFault(f"{self._file.path} holds something else")
        if {name: document.get(name) for name in self._of} != self._of:
            raise LocalFault(f"{self._file.path} is of another service, identity or version")
        return [CallTicket.of_json(found) for found in document["calls"]]

    def _forget(self) -> None:
        try:
            self._file.save(b"")
        except OSError as error:
            log.debug("%s cannot be removed: %s", self._file.path, error)
