"""The calls of one Device: which are pending, which is active, and what the Device does about their events.

A call belongs to its Device from the invite, or from `connect`, until it is closed. The Device listens to it before the
program does, and goes on when the program removes its listeners; what happens here precedes the program's handlers, and
the Device's own events follow on the next turn of the hub (spec: device 7).
"""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary, WeakSet

from agent.errors import VoiceError
from agent.log import SeldomLog
from agent.voice.call_ids import INCOMING, OUTGOING
from agent.voice.call_ticket import CallTicket
from agent.voice.connection import Connection
from agent.voice.protocols import CallHost
from agent.voice.ringing import Ringing
from agent.voice.sounds import OUTGOING as ANSWERED_SOUND

log = logging.getLogger(__name__)
_strangers = SeldomLog(log)

_HEARD: Final = ("accept", "error", "cancel", "disconnect", "reject", "transportClose")
MOST_OVER: Final = 32
MAX_PENDING: Final = 16  # a server that announces more calls at once is not answered


class CallsOwner(CallHost, Protocol):
    """The Device."""

    def emit_soon(self, event: str, *args: Any) -> None: ...

    def call_opened(self, connection: Connection) -> None: ...

    def calls_over(self) -> None: ...

    def call_made(self, connection: Connection) -> None: ...

    def pending_changed(self) -> None: ...


class DeviceCalls:
    """Every call until it is closed; of those, the pending ones in the order of their arrival, and the active ones."""

    def __init__(self, device: CallsOwner) -> None:
        self.ringing = Ringing(device, self)
        self._device = device
        self._taken: tuple[Connection, ...] = ()  # accepted here, or made here
        self._on: tuple[Connection, ...] = ()  # of those, the ones that keep the Device busy; the latest last
        self._pending: tuple[Connection, ...] = ()
        self._dropped: WeakSet[Connection] = WeakSet()  # no longer shown, but still pending
        self._told: WeakSet[Connection] = WeakSet()  # the Device has told of their end
        self._over: deque[object] = deque(maxlen=MOST_OVER)  # the names of calls of which the server may still speak
        self._made: WeakKeyDictionary[Connection, int] = WeakKeyDictionary()  # its place in their order
        self._number = itertools.count()

    @property
    def active(self) -> Connection | None:
        """The call that was made, or opened, last."""
        return self._on[-1] if self._on else None

    @property
    def pending(self) -> list[Connection]:
        """The calls that are not over and not open, in the order of their arrival."""
        return [call for call in self._pending if _lives(call)]

    def waits(self, connection: Connection) -> bool:
        """Tell whether nobody has decided about this call yet, neither here nor at the far end."""
        return connection in self._pending and connection.status() == "pending"

    def listening(self) -> list[Connection]:
        """List every call that hears the server, the earliest first.

        A program may still accept one that was dropped with its socket.
        """
        shown = self.all()
        heard = shown + [call for call in self._dropped if _lives(call) and call not in shown]
        return sorted(heard, key=self._made.__getitem__)

    def all(self) -> list[Connection]:
        """List every call that is not over, but for those that were dropped while they were pending."""
        return self.pending + [call for call in self._taken if _lives(call) and call not in self._pending]

    def incoming(self, parameters: dict[str, Any], offer_sdp: str, token: object = None) -> Connection | None:
        """Make a pending call of an invite, in the place of one that it repeats; None when too many are pending."""
        for call in self._waiting_as(parameters["CallSid"]):
            self.remove(call)
        if len(self._pending) >= MAX_PENDING:
            _strangers.warning("an incoming call is dropped: %d are pending already", MAX_PENDING)
            return None
        token = token if isinstance(token, str) and token else None
        connection = self._make(parameters=parameters, offer_sdp=offer_sdp, reconnect_token=token)
        self._become((*self._pending, connection))
        return connection

    def outgoing(self, params: Mapping[str, Any]) -> Connection:
        """Make the active call, and ignore whatever is pending."""
        connection = self._make(custom_parameters=params)
        self._take(connection)
        self._on = (*self._on, connection)
        pending = self._pending
        self._become(())
        for waiting in pending:
            waiting.ignore()
        self.ringing.hush()
        return connection

    def resumed(self, ticket: CallTicket) -> Connection:
        """Make an active call of what another process has left behind."""
        connection = self._make(ticket=ticket)
        self._take(connection)
        self._on = (*self._on, connection)
        return connection

    def settle(self, connection: Connection) -> None:
        """Close what this one has taken the place of: a call that was announced twice can be taken once."""
        for call in self._waiting_as(connection.parameters.get("CallSid")):
            if call is not connection:
                self.remove(call)
                call.inbox.on_dropped()

    def before_accept(self, connection: Connection) -> None:
        """Let every other call that is active make way for one that is being accepted."""
        self._take(connection)
        self.settle(connection)
        for active in self._on:
            if active is not connection:
                active.disconnect()
                self.remove(active)
        self.ringing.update()

    def disconnect_all(self) -> None:
        """End every call that can be ended, and forget the pending ones."""
        ending = self.all()
        self._dropped.update(self._pending)
        self._become(())
        for connection in ending:
            connection.disconnect()

    def reject_all(self) -> None:
        """Refuse every pending call."""
        for connection in self.pending:
            connection.reject()

    def end_for_good(self) -> None:
        """End what is left, the pending ones without a word: nobody can take them any more."""
        self.disconnect_all()
        for connection in list(self._dropped):
            connection.inbox.on_dropped()

    def remove(self, connection: Connection) -> None:
        """Forget a call; one that was never taken may still be, and goes on hearing the server."""
        if not _lives(connection):
            names = connection.parameters.get("CallSid"), connection.outbound_connection_id
            self._over.extend(name for name in names if name)
        self._taken = tuple(call for call in self._taken if call is not connection and _lives(call))
        self._on = tuple(call for call in self._on if call is not connection)
        if connection in self._pending:
            self._dropped.add(connection)
            self._become(tuple(call for call in self._pending if call is not connection))
        if not self._on and not self._pending:
            self._device.calls_over()

    def find(self, callsid: object) -> Connection | None:
        """Find the call that the server means."""
        return next((call for call in self.all() if call.inbox.is_called(callsid)), None)

    def addressee(self, callsid: object) -> Connection | None:
        """Find the call that a `ringing` or `answer` is for; the name of a call that is dialled is news.

        What comes late for a call that is over is for no other one: in the reference the next call takes it.
        """
        listening = self.listening()
        named = next((call for call in listening if call.inbox.is_called(callsid)), None)
        if named is not None:
            return named if named.inbox.waits_for_answer else None
        if callsid in self._over:
            return None
        waiting = [call for call in listening if call.inbox.waits_for_answer]
        nameless = (call for call in waiting if not call.parameters.get("CallSid"))
        return next(nameless, waiting[0] if waiting else None)

    def last_word(self, *names: object) -> None:
        """Forget the names of calls that the server itself has ended: it may give them to others now."""
        for name in names:
            if name in self._over:
                self._over.remove(name)

    def signaling_closed(self) -> None:
        """Drop what is pending, which nobody can answer or cancel once the service has closed its stream for good."""
        for connection in self._pending:
            if self.waits(connection):
                connection.inbox.on_transport_close()

    def _waiting_as(self, callsid: object) -> list[Connection]:
        return [call for call in self.listening() if call.status() == "pending" and call.inbox.is_called(callsid)]

    def _take(self, connection: Connection) -> None:
        if connection not in self._taken:
            self._taken = (*filter(_lives, self._taken), connection)

    def _become(self, pending: tuple[Connection, ...]) -> None:
        if pending == self._pending:
            return
        self._pending = pending
        self.ringing.update()
        self._device.pending_changed()

    def _make(self, **kwargs: Any) -> Connection:
        device = self._device
        connection: Connection = (device.options.connection_factory or Connection)(device, **kwargs)
        self._made[connection] = next(self._number)
        device.call_made(connection)
        for event in _HEARD:
            connection.on_for_good(event, partial(self._heard, connection, event))
        return connection

    def _heard(self, connection: Connection, event: str, *args: Any) -> None:
        """Do what the Device has to about an event of a call (spec: device 7.1)."""
        match event:
            case "accept":
                self._accepted(connection)
            case "error":
                self._failed(connection, args[0])
            case "cancel" | "disconnect" if connection not in self._told:
                self._told.add(connection)
                self.remove(connection)
                self._device.emit_soon(event, connection)
            case "reject":
                self.remove(connection)
            case "transportClose" if connection.status() == "pending":
                self.remove(connection)

    def _accepted(self, connection: Connection) -> None:
        if connection.direction == INCOMING:
            self.ringing.hush()
        self.remove(connection)
        self._taken, self._on = (*self._taken, connection), (*self._on, connection)
        if connection.direction == OUTGOING:
            self._device.sounds.play_if_enabled(ANSWERED_SOUND)
        self._device.call_opened(connection)
        self._device.emit_soon("connect", connection)

    def _failed(self, connection: Connection, error: VoiceError) -> None:
        if connection.status() == "closed":
            self.remove(connection)
        self._device.emit_soon("error", error)


def _lives(connection: Connection) -> bool:
    return connection.status() != "closed"
