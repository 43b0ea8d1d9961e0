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
from agent.voice.call_ids import INCOMING, OUTGOING
from agent.voice.connection import Connection
from agent.voice.protocols import CallHost
from agent.voice.sounds import INCOMING as RING
from agent.voice.sounds import OUTGOING as ANSWERED_SOUND

log = logging.getLogger(__name__)

MAX_PENDING: Final = 16  # a server that announces more calls at once is not answered


class CallsOwner(CallHost, Protocol):
    """The Device."""

    def emit_soon(self, event: str, *args: Any) -> None: ...

    def call_opened(self, connection: Connection) -> None: ...

    def call_made(self, connection: Connection) -> None: ...


class DeviceCalls:
    """Pending calls in the order of their arrival, and at most one active call."""

    def __init__(self, device: CallsOwner) -> None:
        self.pending: list[Connection] = []
        self.active: Connection | None = None
        self._device = device
        self._dropped: WeakSet[Connection] = WeakSet()  # no longer shown, but still pending

    def listening(self) -> list[Connection]:
        """Every call that hears the server: a program may still accept one that was dropped with its socket."""
        return self.all() + [call for call in self._dropped if call.status() != "closed" and call not in self.all()]

    def all(self) -> list[Connection]:
        """Every call that is not over."""
        return self.pending + ([self.active] if self.active is not None and self.active not in self.pending else [])

    def incoming(self, parameters: dict[str, Any], offer_sdp: str) -> Connection | None:
        """Make a pending call of an invite; None when too many are pending."""
        if len(self.pending) >= MAX_PENDING:
            log.warning("an incoming call is dropped: %d are pending already", MAX_PENDING)
            return None
        connection = self._make(parameters=parameters, offer_sdp=offer_sdp)
        self.pending.append(connection)
        return connection

    def outgoing(self, params: Mapping[str, Any]) -> Connection:
        """Make the active call, and ignore whatever is pending."""
        self.active = connection = self._make(custom_parameters=params)
        pending, self.pending = self.pending, []
        for waiting in pending:
            waiting.ignore()
        self._device.sounds.stop(RING)
        return connection

    def before_accept(self, connection: Connection) -> None:
        """A call is being accepted: the active one makes way."""
        active = self.active
        if active is not None and active is not connection:
            active.disconnect()
            self.remove(active)

    def disconnect_all(self) -> None:
        """End every call that can be ended, and forget the pending ones."""
        pending, self.pending = self.pending, []
        self._dropped.update(pending)
        for connection in pending:
            connection.disconnect()
        if self.active is not None:
            self.active.disconnect()

    def remove(self, connection: Connection) -> None:
        """Forget a call."""
        if self.active is connection:
            self.active = None
        if connection in self.pending:
            self.pending.remove(connection)
            self._dropped.add(connection)

    def find(self, callsid: object) -> Connection | None:
        """The call that the server means."""
        return next((call for call in self.all() if call.is_called(callsid)), None)

    def _make(self, **kwargs: Any) -> Connection:
        device = self._device
        connection: Connection = (device.options.connection_factory or Connection)(device, **kwargs)
        device.call_made(connection)
        connection.once("accept", lambda *_args: self._accepted(connection))
        connection.on("error", lambda error: self._failed(connection, error))
        connection.once("cancel", lambda: self._cancelled(connection))
        connection.once("disconnect", lambda *_args: self._disconnected(connection))
        connection.once("reject", lambda: self._ended(connection))
        connection.once("transportClose", lambda: self._transport_closed(connection))
        return connection

    def _accepted(self, connection: Connection) -> None:
        self.remove(connection)
        self.active = connection
        if connection.direction == OUTGOING:
            self._device.sounds.play_if_enabled(ANSWERED_SOUND)
        self._device.call_opened(connection)
        if connection.direction == INCOMING:
            self._device.sounds.stop(RING)
        self._device.emit_soon("connect", connection)

    def _failed(self, connection: Connection, error: VoiceError) -> None:
        if connection.status() == "closed":
            self.remove(connection)
        self._quiet()
        self._device.emit_soon("error", error)

    def _cancelled(self, connection: Connection) -> None:
        self._ended(connection)
        self._device.emit_soon("cancel", connection)

    def _disconnected(self, connection: Connection) -> None:
        self._ended(connection)
        self._device.emit_soon("disconnect", connection)

    def _ended(self, connection: Connection) -> None:
        self.remove(connection)
        self._quiet()

    def _transport_closed(self, connection: Connection) -> None:
        if connection.status() == "pending":
            self._ended(connection)

    def _quiet(self) -> None:
        """A call is over or in trouble: nobody rings any more, unless another call is pending."""
        if not self.pending:
            self._device.sounds.stop(RING)
