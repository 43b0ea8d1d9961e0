"""The calls of one Device: which are pending, which is active, and what the Device does about their events.

The Device listens to each Connection before the program does, so what happens here precedes the program's handlers;
the Device's own events follow on the next turn of the hub (spec: device 7).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final, Protocol
from weakref import WeakSet

from agent.errors import VoiceError
from agent.log import SeldomLog
from agent.voice.call_ids import INCOMING, OUTGOING
from agent.voice.connection import Connection
from agent.voice.protocols import CallHost
from agent.voice.ringing import Ringing
from agent.voice.sounds import OUTGOING as ANSWERED_SOUND

log = logging.getLogger(__name__)
_strangers = SeldomLog(log)

MAX_PENDING: Final = 16  # a server that announces more calls at once is not answered


class CallsOwner(CallHost, Protocol):
    """The Device."""

    def emit_soon(self, event: str, *args: Any) -> None: ...

    def call_opened(self, connection: Connection) -> None: ...

    def call_made(self, connection: Connection) -> None: ...

    def pending_changed(self) -> None: ...


class DeviceCalls:
    """Pending calls in the order of their arrival, and at most one active call."""

    def __init__(self, device: CallsOwner) -> None:
        self.ringing = Ringing(device, self)
        self.active: Connection | None = None
        self._device = device
        self._pending: tuple[Connection, ...] = ()
        self._dropped: WeakSet[Connection] = WeakSet()  # no longer shown, but still pending

    @property
    def pending(self) -> list[Connection]:
        """The calls that are not over and not open, in the order of their arrival."""
        return list(self._pending)

    def waits(self, connection: Connection) -> bool:
        """Tell whether nobody has decided about this call yet, neither here nor at the far end."""
        return connection in self._pending and connection.status() == "pending"

    def listening(self) -> list[Connection]:
        """List every call that hears the server: a program may still accept one that was dropped with its socket."""
        return self.all() + [call for call in self._dropped if call.status() != "closed" and call not in self.all()]

    def all(self) -> list[Connection]:
        """List every call that is not over."""
        return self.pending + ([self.active] if self.active is not None and self.active not in self.pending else [])

    def incoming(self, parameters: dict[str, Any], offer_sdp: str) -> Connection | None:
        """Make a pending call of an invite; None when too many are pending."""
        if len(self._pending) >= MAX_PENDING:
            _strangers.warning("an incoming call is dropped: %d are pending already", MAX_PENDING)
            return None
        connection = self._make(parameters=parameters, offer_sdp=offer_sdp)
        self._become((*self._pending, connection))
        return connection

    def outgoing(self, params: Mapping[str, Any]) -> Connection:
        """Make the active call, and ignore whatever is pending."""
        self.active = connection = self._make(custom_parameters=params)
        pending = self._pending
        self._become(())
        for waiting in pending:
            waiting.ignore()
        self.ringing.hush()
        return connection

    def before_accept(self, connection: Connection) -> None:
        """Let the active call make way for one that is being accepted."""
        active = self.active
        if active is not None and active is not connection:
            active.disconnect()
            self.remove(active)
        self.ringing.update()

    def disconnect_all(self) -> None:
        """End every call that can be ended, and forget the pending ones."""
        pending = self._pending
        self._dropped.update(pending)
        self._become(())
        for connection in pending:
            connection.disconnect()
        if self.active is not None:
            self.active.disconnect()

    def remove(self, connection: Connection) -> None:
        """Forget a call."""
        if self.active is connection:
            self.active = None
        if connection in self._pending:
            self._dropped.add(connection)
            self._become(tuple(call for call in self._pending if call is not connection))

    def find(self, callsid: object) -> Connection | None:
        """Find the call that the server means."""
        return next((call for call in self.all() if call.is_called(callsid)), None)

    def signaling_closed(self) -> None:
        """Drop what is pending, which nobody can answer or cancel once the service has closed its stream for good."""
        for connection in self._pending:
            if self.waits(connection):
                connection.on_transport_close()

    def _become(self, pending: tuple[Connection, ...]) -> None:
        if pending == self._pending:
            return
        self._pending = pending
        self.ringing.update()
        self._device.pending_changed()

    def _make(self, **kwargs: Any) -> Connection:
        device = self._device
        connection: Connection = (device.options.connection_factory or Connection)(device, **kwargs)
        device.call_made(connection)
        connection.once("accept", lambda *_args: self._accepted(connection))
        connection.on("error", lambda error: self._failed(connection, error))
        connection.once("cancel", lambda: self._cancelled(connection))
        connection.once("disconnect", lambda *_args: self._disconnected(connection))
        connection.once("reject", lambda: self.remove(connection))
        connection.once("transportClose", lambda: self._transport_closed(connection))
        return connection

    def _accepted(self, connection: Connection) -> None:
        if connection.direction == INCOMING:
            self.ringing.hush()
        self.remove(connection)
        self.active = connection
        if connection.direction == OUTGOING:
            self._device.sounds.play_if_enabled(ANSWERED_SOUND)
        self._device.call_opened(connection)
        self._device.emit_soon("connect", connection)

    def _failed(self, connection: Connection, error: VoiceError) -> None:
        if connection.status() == "closed":
            self.remove(connection)
        self._device.emit_soon("error", error)

    def _cancelled(self, connection: Connection) -> None:
        self.remove(connection)
        self._device.emit_soon("cancel", connection)

    def _disconnected(self, connection: Connection) -> None:
        self.remove(connection)
        self._device.emit_soon("disconnect", connection)

    def _transport_closed(self, connection: Connection) -> None:
        if connection.status() == "pending":
            self.remove(connection)
