"""Verified TLS for clients: the same certificates are good on each Python, and for each protocol."""

from __future__ import annotations

import ssl
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLCertVerificationError, SSLError, TLSVersion

from gevent.ssl import SSLContext

from agent.errors import ConfigError
from agent.log import excerpt


def client_context(ca_file: str | None = None) -> SSLContext:
    """Make a context that checks certificate and host name, against `ca_file` (PEM) alone or else the system's.

    gevent's `create_default_context` would give a context of the standard library, which blocks the hub.
    Raises ConfigError when `ca_file` cannot be used.
    """
    context = SSLContext(PROTOCOL_TLS_CLIENT)
    context.minimum_version = TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file:
        _load(context, ca_file)
    else:
        context.load_default_certs()
    return context


def plain_client_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Make a context of the standard library that trusts the same, for asyncio and for threads.

    Its `create_default_context` is stricter from Python 3.13 on: the certificates of a house's own authority, good at
    signaling and on an older Python, would be refused. Raises OSError, of which SSLError is one.
    """
    context = ssl.SSLContext(PROTOCOL_TLS_CLIENT)
    context.minimum_version = TLSVersion.TLSv1_2
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    else:
        context.load_default_certs()
    return context


def explain(exc: OSError, host: str) -> str:
    """Explain what a failed connection to `host` means, and what to do about it."""
    if isinstance(exc, SSLCertVerificationError):
        return (
            f"The certificate of {host} is not trusted ({excerpt(exc.verify_message, 120)}). Check the clock of this"
            " machine and the host name; for a private authority set ca_file to its certificate."
        )
    if isinstance(exc, SSLError):
        return f"{host} does not speak TLS as expected ({excerpt(exc.reason or exc, 120)})."
    if isinstance(exc, TimeoutError):
        return f"{host} is too slow, or not there: {excerpt(exc.strerror or exc, 120)}."
    return f"Cannot connect to {host}: {excerpt(exc.strerror or exc, 120)}."


def _load(context: SSLContext, ca_file: str) -> None:
    path = Path(ca_file).expanduser()
    try:
        context.load_verify_locations(cafile=str(path))
    except SSLError:
        raise ConfigError(f"ca_file {path} holds no certificate; it must be a PEM file") from None
    except OSError as exc:
        raise ConfigError(f"ca_file {path} cannot be read: {exc.strerror}") from None
