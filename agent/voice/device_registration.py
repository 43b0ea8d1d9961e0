"""How a program has a Device take incoming calls, or stop taking them (spec: device 8)."""

from __future__ import annotations

from typing import Any, Self

from gevent.event import AsyncResult

from agent.errors import InvalidStateError
from agent.voice.device_view import DeviceView
from agent.voice.registration import RegistrationState


class DeviceRegistration(DeviceView):
    """The registering methods of a Device, of the first generation and of the second."""

    def register(self) -> AsyncResult[Any]:
        """Take incoming calls; returns a result that is set when the service has agreed.

        Raises InvalidStateError before the set-up, and in any state but `unregistered`.
        """
        self._check_set_up()
        self._check_state(RegistrationState.UNREGISTERED, "register")
        promise = self._host.promises.registered()
        self.register_presence()
        return promise

    def unregister(self) -> AsyncResult[Any]:
        """Take no incoming calls; returns a result that is set when the service has agreed.

        Raises InvalidStateError before the set-up, and in any state but `registered`.
        """
        self._check_set_up()
        self._check_state(RegistrationState.REGISTERED, "unregister")
        promise = self._host.promises.unregistered()
        self.unregister_presence()
        return promise

    def register_presence(self) -> Self:
        """Take incoming calls. Raises InvalidStateError before the set-up."""
        self._check_set_up()
        self._host.registration.set(True)
        self._host.need_stream(self.token)
        return self

    def unregister_presence(self) -> Self:
        """Take no incoming calls. Raises InvalidStateError before the set-up."""
        self._check_set_up()
        self._host.registration.set(False)
        self._host.promises.given_up()
        return self

    def _check_state(self, needed: RegistrationState, what: str) -> None:
        if self._host.state is not needed:
            raise InvalidStateError(f"{what}() is for a Device that is {needed.value}; it is {self._host.state.value}")
