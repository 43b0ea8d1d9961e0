"""Every error that this package raises, as one tree.

    AgentError
    ├── UsageError                 the caller misused this package
    │   ├── InvalidArgumentError     (also a ValueError)
    │   ├── InvalidStateError        (also a RuntimeError)
    │   ├── NotSupportedError
    │   │   └── InstanceNeededError    a method was called on its class (also a TypeError)
    │   └── ConfigError              a file of settings that cannot be used
    ├── LocalFault                 this machine cannot do it now
    │   ├── OutputError              what is said cannot be written
    │   ├── CaptureError             no sound can be captured
    │   │   └── CaptureDeniedError     ... because the user may not
    │   ├── BridgeClosedError        the media thread has ended
    │   ├── RestartLimitError        a part of the agent fails faster than restarting helps
    │   ├── StragglerError           a part of the agent does not let itself be ended
    │   ├── ControlError             the running agent cannot be reached, or refuses a command
    │   └── CallFailedError          a call that a command placed did not come about
    ├── FarSideError               the other end broke the rules
    │   ├── ProtocolError            a signaling message that cannot be used
    │   ├── OversizeError            more than any honest answer has
    │   ├── CredentialsError         a server does not take our secret, or wants a proof that we do not have
    │   ├── SdpError                 a session description that cannot be used
    │   ├── HandshakeError           a DTLS handshake that broke off
    │   │   └── IdentityError          ... because the far end is not the one its description names
    │   └── CodecError               a media packet that cannot be decoded
    └── VoiceError                 what `error` events carry (spec: device 12)
"""

from __future__ import annotations

from typing import Any


class AgentError(Exception):
    """Root of every error raised by this package."""


class UsageError(AgentError):
    """The caller did something that cannot work; nothing was changed."""


class InvalidArgumentError(UsageError, ValueError):
    """An argument has a value that is not allowed."""


class InvalidStateError(UsageError, RuntimeError):
    """The call came at a moment when it makes no sense."""


class NotSupportedError(UsageError):
    """This platform cannot do what was asked."""


class InstanceNeededError(NotSupportedError, TypeError):
    """A method was called on the class, as on the SDK's one shared Device; there is none here."""


class ConfigError(UsageError):
    """A setting cannot be used; the message names file, key, what was expected, and what to do."""


class LocalFault(AgentError):
    """Something on this machine failed."""


class OutputError(LocalFault):
    """What there is to say cannot be written, as on a full disk."""


class CaptureError(LocalFault):
    """No sound can be captured; `code` is the number of the SDK (spec: device 12)."""

    code = 31201


class CaptureDeniedError(CaptureError):
    """The user of this process may not open the sound device."""

    code = 31208


class BridgeClosedError(LocalFault):
    """The media thread has ended; the work that was waiting for it is lost."""


class RestartLimitError(LocalFault):
    """A part of the agent fails faster than restarting helps; the process has to start afresh."""


class StragglerError(LocalFault):
    """A part of the agent does not let itself be ended."""


class ControlError(LocalFault):
    """The running agent cannot be reached through its control socket, or refuses a command."""


class AlreadyRunningError(ControlError):
    """Another agent serves the same control socket."""


class CallFailedError(LocalFault):
    """A call that a command placed did not come about, or not as it should."""


class FarSideError(AgentError):
    """The other end sent something that breaks the protocol."""


class ProtocolError(FarSideError):
    """A signaling message is malformed; it is dropped."""


class OversizeError(FarSideError):
    """More comes than anything honest needs; reading ends."""


class CredentialsError(FarSideError):
    """A server refuses our secret, or wants a proof that we cannot give."""


class SdpError(FarSideError):
    """A session description cannot be used for one audio call."""


class HandshakeError(FarSideError):
    """An attempt at a DTLS handshake broke off; anybody's packet may have been the cause."""


class IdentityError(HandshakeError):
    """The handshake is over, and whoever took part in it is not the far end that we were told of."""


class CodecError(FarSideError):
    """A media packet cannot be decoded; it is treated as lost."""


class TwilioError:
    """One entry of the SDK's error catalogue, attached to the errors of calls (spec: device 12).

    Each entry is a class of its own, in one of the groups of `agent.twilio_errors`; its docstring is the description.
    """

    code: int
    explanation: str = ""
    causes: tuple[str, ...] = ()
    solutions: tuple[str, ...] = ()

    def __init_subclass__(cls, *, code: int) -> None:
        cls.code = code

    def __init__(self, message: str = "", original_error: Any = None) -> None:
        """`message` is what else is known; `original_error` is an exception, or what the service has sent."""
        entry = type(self)
        self.code = entry.code
        self.name = entry.__name__
        self.description = (entry.__doc__ or "").rstrip(".")
        self.explanation = entry.explanation
        self.causes = entry.causes
        self.solutions = entry.solutions
        self.message = message
        self.original_error = original_error

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]  # what the service has sent may be a dict

    def __repr__(self) -> str:
        return f"<{self.name} {self.code}>"


class VoiceError(AgentError):
    """What an `error` event carries: code, message and, where known, connection, info, twilio_error."""

    def __init__(
        self,
        code: int | None,
        message: str,
        *,
        connection: Any = None,
        info: Any = None,
        twilio_error: TwilioError | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.connection = connection
        self.info = info
        self.twilio_error = twilio_error

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.code is not None else self.message
