"""Gets the password of one box from where the settings say; blocks the calling greenlet only."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agent.command_output import output_of
from agent.errors import LocalFault
from agent.signaling.sip.settings import SipSettings

MAX_SECRET_CHARS: Final = 1024
COMMAND_TIMEOUT_S = 30.0


class SecretError(LocalFault):
    """No password could be had; the message says why, and never quotes one."""


def read_secret(settings: SipSettings, identity: str) -> str:
    """Get the password now, blocking the calling greenlet; empty where none is set. Raises SecretError."""
    if settings.secret_file:
        return _checked(_in_file(Path(settings.secret_file)), f"The password file {settings.secret_file}")
    if settings.secret_command:
        arguments = [argument.replace("{identity}", identity) for argument in settings.secret_command]
        try:
            printed = output_of(arguments, "password command", MAX_SECRET_CHARS, COMMAND_TIMEOUT_S)
        except LocalFault as error:
            raise SecretError(str(error)) from None
        return _checked(printed, "The password command")
    return str(settings.secret)


def _in_file(path: Path) -> str:
    try:
        with path.expanduser().open() as file:
            return file.read(MAX_SECRET_CHARS + 3)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SecretError(f"The password file {path} cannot be read: {reason}.") from None


def _checked(text: str, where: str) -> str:
    secret = text.strip("\r\n")
    if not secret.strip():
        raise SecretError(f"{where} holds nothing; expected the password.")
    if len(secret) > MAX_SECRET_CHARS or not secret.isprintable():
        raise SecretError(f"{where} holds something that is no password: too long, or of several lines.")
    return secret
