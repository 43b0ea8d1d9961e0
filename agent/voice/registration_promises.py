"""What `register` and `unregister` return: results that are set when the service has answered (spec: signaling 11)."""

from __future__ import annotations

from typing import Any

from gevent.event import AsyncResult

from agent.errors import VoiceError
from agent.twilio_errors import SignalingErrors
from agent.voice.registration import RegistrationState


class RegistrationPromises:
    """Those that wait for the next state of one Device."""

    def __init__(self) -> None:
        self._unasked: list[AsyncResult[Any]] = []  # no `register` has gone out for them yet
        self._registering: list[AsyncResult[Any]] = []
        self._unregistering: list[AsyncResult[Any]] = []

    def registered(self) -> AsyncResult[Any]:
        """Make one that is set when the Device is registered.

        It fails with VoiceError when the service, once asked, does not take it, or when nobody asks any more.
        """
        return _added(self._unasked)

    def unregistered(self) -> AsyncResult[Any]:
        """Make one that is set when the Device is registered no more."""
        return _added(self._unregistering)

    def asked(self) -> None:
        """Note that the service has been asked to take the Device."""
        self._registering += self._unasked
        self._unasked = []

    def became(self, state: RegistrationState) -> None:
        """Settle those that wait for this state, or for its contrary."""
        if state is RegistrationState.REGISTERING:
            return
        if state is RegistrationState.REGISTERED:
            self.asked()
            registering, self._registering = self._registering, []
            for result in registering:
                result.set(None)
            return
        self._fail()
        unregistering, self._unregistering = self._unregistering, []
        for result in unregistering:
            result.set(None)

    def given_up(self) -> None:
        """Fail those that nobody asks the service for any more."""
        self.asked()
        self._fail()

    def _fail(self) -> None:
        failed, self._registering = self._registering, []
        for result in failed:
            entry = SignalingErrors.ConnectionDisconnected()
            result.set_exception(VoiceError(31000, "The registration was not taken.", twilio_error=entry))


def _added(waiting: list[AsyncResult[Any]]) -> AsyncResult[Any]:
    waiting.append(AsyncResult())
    return waiting[-1]
