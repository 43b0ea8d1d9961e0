"""What works inside a Device, as a supervisor sees it: how late each part is, and how another takes its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from agent.handlers import call_handler
from agent.voice.calls import DeviceCalls
from agent.voice.connection import Connection
from agent.voice.first_contact import FirstContact
from agent.voice.generation import VoiceGeneration
from agent.voice.protocols import SignalingStream
from agent.voice.registration import Registration
from agent.voice.report import Publisher


class VitalDevice(Protocol):
    """The Device."""

    @property
    def token(self) -> str | None: ...

    @property
    def is_initialized(self) -> bool: ...


class VitalHost(Protocol):
    """Its inner side."""

    stream: SignalingStream | None
    publisher: Publisher | None
    calls: DeviceCalls
    generation: VoiceGeneration
    registration: Registration
    contact: FirstContact
    status: str
    is_closed: bool

    def set_status(self, status: str) -> None: ...

    def open_stream(self, token: str) -> None: ...

    def replace_publisher(self, token: str) -> None: ...


class DeviceVitals:
    """Parts of the program's own, made by its factories, need not say how late they are: they are never late."""

    def __init__(self, device: VitalDevice, host: VitalHost) -> None:
        self._device = device
        self._host = host

    def signaling_overdue_s(self) -> float:
        """Return the seconds since the connection to the service should have done its next step."""
        return _overdue_s(self._host.stream)

    def replace_stream(self) -> None:
        """Connect over another stream; calls go on over it, unless they are of the one before."""
        host, token = self._host, self._token
        if token is None:
            return
        left, host.stream = host.stream, None
        if left is not None:
            left.remove_all_listeners()
            call_handler("a stream that is given up", left.destroy)
        host.registration.lost()
        host.contact.interrupted()
        for call in host.calls.listening():
            if host.generation.calls_end_with_stream:
                self._end(call)
            else:
                call_handler("a call whose stream is replaced", call.inbox.on_transport_close)
        if host.status != "offline":
            host.set_status("offline")
        host.open_stream(token)

    def calls_overdue_s(self) -> float:
        """Return how late the latest of the calls is."""
        return max((call.inbox.overdue_s() for call in self._host.calls.listening()), default=0.0)

    def end_late_calls(self, limit_s: float) -> None:
        """End the calls that are later than that, whatever still works in them."""
        for call in self._host.calls.listening():
            if call.inbox.overdue_s() > limit_s:
                self._end(call)

    def reports_overdue_s(self) -> float:
        """Return the seconds since a report should have been sent."""
        return _overdue_s(self._host.publisher)

    def replace_publisher(self) -> None:
        """Report over another publisher."""
        if (token := self._token) is not None:
            self._host.replace_publisher(token)

    @property
    def _token(self) -> str | None:
        return self._device.token if self._device.is_initialized and not self._host.is_closed else None

    def _end(self, call: Connection) -> None:
        call.inbox.abandon()
        self._host.calls.remove(call)


def _overdue_s(part: Any) -> float:
    tell: Callable[[], float] = getattr(part, "overdue_s", float)
    return tell()
