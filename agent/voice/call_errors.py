"""The errors that a Device or a Connection emits, and when (spec: device 12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.errors import TwilioError, VoiceError
from agent.twilio_errors import twilio_error


def media_lost(connection: Any, message: str) -> VoiceError:
    """Make 31003: the audio's path is gone and stays gone; ends the call. `message` is what the far side hears, too."""
    return _media_error(connection, 31003, message, 53405)


def signaling_down(connection: Any) -> VoiceError:
    """Make 31000: a call was started while there is no connection to the service; ends the call."""
    return _media_error(connection, 31000, "The call cannot start: there is no connection to the service.", 53001)


def local_description_failed(connection: Any, why: object) -> VoiceError:
    """Make 31000/53400: no offer could be made."""
    return _media_error(connection, 31000, f"No offer could be made: {why}", 53400)


def remote_description_failed(connection: Any, why: object) -> VoiceError:
    """Make 31000/53402: the far side's description cannot be used."""
    return _media_error(connection, 31000, f"The far side's session description cannot be used: {why}", 53402)


def recovery_begins() -> VoiceError:
    """Make 53405, the argument of `reconnecting`; not an `error` event."""
    return VoiceError(53405, "Media connection failed.", twilio_error=twilio_error(53405))


def signaling_lost() -> VoiceError:
    """Make 53001, the argument of `reconnecting` when it is the socket that is lost; not an `error` event."""
    entry = twilio_error(53001)
    return VoiceError(entry.code, "The connection to the service is lost.", twilio_error=entry)


def not_taken_back(connection: Any) -> VoiceError:
    """Make 31000/53001: the service does not have the call any more; ends the call."""
    return _media_error(connection, 31000, "The call did not come back after the connection was lost.", 53001)


def far_end_error(connection: Any, error: Mapping[str, Any], entry: TwilioError) -> VoiceError:
    """Make an error of what a server's `hangup` carried; its own code and message are passed on."""
    code = error.get("code") or 31000
    message = error.get("message") or "The far side ended the call with an error."
    return VoiceError(code, message, connection=connection, twilio_error=entry)


def message_refused(connection: Any, error: Mapping[str, Any], entry: TwilioError) -> VoiceError:
    """Make the error of a message that the service did not take; the service's own code and words."""
    code = error.get("code") or 31000
    message = error.get("message") or "The service did not take the message."
    return VoiceError(code, message, connection=connection, twilio_error=entry)


def digits_not_sent(connection: Any) -> VoiceError:
    """Make 31000: neither the audio path nor signaling can carry the digits now."""
    return VoiceError(31000, "The digits were not sent: signaling is down.", connection=connection)


def malformed_invite() -> VoiceError:
    """Make the error of an invite without a sid or a description; it has no code of its own."""
    message = "The service announced a call without `callsid` or `sdp`."
    return VoiceError(None, message, twilio_error=twilio_error(31400))


def _media_error(connection: Any, code: int, message: str, klass: int) -> VoiceError:
    entry = twilio_error(klass)
    info = {"code": code, "message": message, "twilioError": entry}
    return VoiceError(code, message, connection=connection, info=info, twilio_error=entry)
