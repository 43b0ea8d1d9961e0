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
        self._registering: list[AsyncResult[Any]] = []
        self._unregistering: list[AsyncResult[Any]] = []

    def registered(self) -> AsyncResult[Any]:
        """Make one that is set when the Device is registered, and fails with VoiceError when it is not any more."""
        return _added(self._registering)

    def unregistered(self) -> AsyncResult[Any]:
        """Make one that is set when the Device is registered no more."""
        return _added(self._unregistering)

    def became(self, state: RegistrationState) -> None:
        """Settle those that wait for this state, or for its contrary."""
        if state is RegistrationState.REGISTERING:
            return
        registering, self._registering = self._registering, []
        for result in registering:
            if state is RegistrationState.REGISTERED:
                result.set(None)
            else:
                entry = SignalingErrors.ConnectionDisconnected()
                result.set_exception(VoiceError(31000, "The registration was not taken.", twilio_error=entry))
        if state is not RegistrationState.REGISTERED:
            unregistering, self._unregistering = self._unregistering, []
            for result in unregistering:
                result.set(None)


def _added(waiting: list[AsyncResult[Any]]) -> AsyncResult[Any]:
    waiting.append(AsyncResult())
    return waiting[-1]
