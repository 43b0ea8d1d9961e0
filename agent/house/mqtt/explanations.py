"""What the end of a connection to the broker means, and what to change."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from socket import gaierror

from agent.house.mqtt.settings import MqttSettings
from agent.log import excerpt

OLDER = 'For one without MQTT 5 set [mqtt] version = "3.1.1"'
_MOST = 120  # characters of what others say


def explain(error: Exception, settings: MqttSettings, *, was_up: bool) -> tuple[str, bool]:
    """Say why, and whether it will be so again until something is changed; `was_up`: the broker had let us in."""
    match error:
        case ssl.SSLCertVerificationError():
            said = excerpt(error.verify_message, _MOST)
            return f"its certificate is not trusted ({said}); set [mqtt] ca_file or host, or the clock", True
        case ssl.SSLError():
            said = excerpt(getattr(error, "reason", None) or error, _MOST)
            return f"it does not speak TLS as expected ({said}); check [mqtt] port and tls", True
        case OSError():
            return _explain_network(error, settings, was_up=was_up), False
        case UnicodeError() if not isinstance(error, UnicodeDecodeError):  # what it sends is decoded only
            return "what [mqtt] says of host, user, password or topics cannot be sent; change its odd characters", True
    old = "" if was_up or settings.version != "5" else f"; is it an old one? {OLDER}"
    return f"it sends what is no MQTT ({type(error).__name__}){old}; check [mqtt] host and port", True


def _explain_network(error: OSError, settings: MqttSettings, *, was_up: bool) -> str:
    said = excerpt(error.strerror or error, _MOST)
    if was_up:
        return f"it was lost ({said})"
    match error:
        case gaierror():
            return f"its name is not found ({said}); check [mqtt] host, and the network"
        case ConnectionRefusedError():
            return f"nothing listens there ({said}); check [mqtt] host and port, and whether the broker runs"
        case ConnectionResetError() | BrokenPipeError():
            return f"it hung up at once ({said}); {expected_speech(settings)}"
    return f"it is not reached ({said}); check [mqtt] host and port, and the network"


def expected_speech(settings: MqttSettings) -> str:
    """Ask whether it is what the settings say that it is, which hangs up without a word."""
    with_tls = "with TLS" if settings.tls else "without TLS"
    old = f" {OLDER}" if settings.version == "5" else ""
    return f"does it speak MQTT at port {settings.port_used}, {with_tls}? Check [mqtt] port and tls.{old}"


def explain_file(key: str, error: OSError) -> str:
    """Say that the file of this setting cannot be used."""
    if isinstance(error, ssl.SSLError):
        return f"the file of [mqtt] {key} holds no certificate; it must be a PEM file"
    return f"the file of [mqtt] {key} cannot be read: {excerpt(error.strerror or error, _MOST)}"


def explain_too_long(packet_bytes: int, filters: Sequence[str]) -> str:
    """Say of a packet that nobody reads what it may have been: something below these topics."""
    return f"it sends a packet of {packet_bytes} bytes; take away what is retained at {' or '.join(filters)}"
