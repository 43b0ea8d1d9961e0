"""What a program can read of a Device (spec: device 4)."""

from __future__ import annotations

from agent.errors import InvalidStateError
from agent.voice.audio import AudioHelper
from agent.voice.connection import Connection
from agent.voice.deprecated import Warns, deprecated
from agent.voice.device_vitals import DeviceVitals
from agent.voice.host import DeviceHost
from agent.voice.options import DeviceOptions
from agent.voice.protocols import SignalingStream
from agent.voice.sounds import Sounds


class DeviceView:
    """The properties of a Device; the attributes here are given in `agent.voice.device`."""

    token: str | None
    is_initialized: bool
    log: Warns
    _host: DeviceHost

    @property
    def connections(self) -> list[Connection]:
        """The pending incoming calls, the oldest first."""
        return list(self._host.calls.pending)

    def active_connection(self) -> Connection | None:
        """Return the active call, or else the first pending one."""
        return self._host.calls.active or next(iter(self._host.calls.pending), None)

    @property
    def state(self) -> str:
        """How the service has us: unregistered, registering, registered, or destroyed."""
        return self._host.state.value

    @property
    def is_busy(self) -> bool:
        """Whether a call is active."""
        return self._host.calls.active is not None

    @property
    def calls(self) -> list[Connection]:
        """The pending incoming calls, the oldest first; `connections` under its later name."""
        return self.connections

    @property
    def home(self) -> str | None:
        """The home region of the account, as the service says; None before it does."""
        return self._host.home

    @property
    def identity(self) -> str | None:
        """The name under which others reach us, as the service says; None before it does."""
        return self._host.identity

    @property
    def options(self) -> DeviceOptions:
        """The options in force."""
        return self._host.options

    def status(self) -> str:
        """Return busy, ready or offline. Raises InvalidStateError before the set-up."""
        self._check_set_up()
        return "busy" if self.is_busy else self._host.status

    @property
    def edge(self) -> str | None:
        """The edge in use; None while there is no connection to the service."""
        return self._host.edge

    def region(self) -> str:
        """Return the region in use, or `offline`; deprecated. Raises InvalidStateError before the set-up."""
        self._check_set_up()
        deprecated("Device.region()", "Device.edge", self.log)
        return self._host.region if self._host.region is not None else "offline"

    @property
    def audio(self) -> AudioHelper | None:
        """Microphones and speakers; None before the set-up."""
        return self._host.audio

    @property
    def sounds(self) -> Sounds:
        """The sounds of calls and their switches."""
        return self._host.sounds

    @property
    def stream(self) -> SignalingStream | None:
        """The signaling stream; None before the set-up and after the service has closed it."""
        return self._host.stream

    @property
    def vitals(self) -> DeviceVitals:
        """What works inside the Device, for whoever looks after it: how late each part is, and another in its place."""
        return DeviceVitals(self, self._host)

    def _check_set_up(self) -> None:
        if not self.is_initialized:
            raise InvalidStateError("the Device is not set up; call setup(token) first")
