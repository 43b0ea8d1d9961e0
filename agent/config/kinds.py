"""Settings whose text has an inner form: files, times, addresses, tokens, a button's actions, a light's patterns.

A kind is a function from a value and the folder of the configuration file to the value that the program uses;
it raises `ValueError` with what was expected, or `hw.errors.SettingError` with the whole story.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hw.errors import ToneError
from hw.panel.actions import parse_action
from hw.panel.patterns import parse_pattern
from hw.sound.wav_files import check_sound

_HHMM = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")

Kind = Callable[[Any, Path], Any]


def file(value: Any, folder: Path) -> Any:
    """Check a file that exists; a relative name starts at the folder of config.toml; empty is none. ValueError."""
    if not value:
        return value
    path = folder / Path(value).expanduser()
    if not path.is_file():
        raise ValueError(f"a file that exists ({path} does not)")
    return str(path)


def wav(value: Any, folder: Path) -> Any:
    """Check a WAV file that can be played and is short enough to be kept; empty stands for none. Raises ValueError."""
    return _sound(value, folder, kept=True)


def long_wav(value: Any, folder: Path) -> Any:
    """Check a WAV file that is read while it plays; empty stands for none. Raises ValueError."""
    return _sound(value, folder, kept=False)


def _sound(value: Any, folder: Path, *, kept: bool) -> Any:
    path = file(value, folder)
    if path:
        try:
            check_sound(path, kept=kept)
        except ToneError as error:
            raise ValueError(f"a WAV file with PCM sound; {error}") from None
    return path


def host_port(value: Any, folder: Path) -> Any:
    """Check HOST:PORT, port 0 where any will do; empty stands for none. Raises ValueError."""
    host, _, port = value.rpartition(":")
    if value and not (_HOST.fullmatch(host) and port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError('an address "HOST:PORT", like "switchboard.local:8443"')
    return value


def hhmm(value: Any, folder: Path) -> Any:
    """Check a time of day; empty stands for none. Raises ValueError."""
    if value and not _HHMM.fullmatch(value):
        raise ValueError('a time of day "HH:MM", like "22:30"')
    return value


def url(value: Any, folder: Path) -> Any:
    """Check an http or https address; empty stands for none. Raises ValueError."""
    if value:
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable:
            raise ValueError('an address that begins with "https://" or "http://"')
    return value


def token(value: Any, folder: Path) -> Any:
    """Check an access token, a JSON Web Token of three parts (RFC 7519 section 3); empty is none. ValueError."""
    if value and not _is_jwt(value):
        raise ValueError("an access token (three parts of base64url text with dots between them)")
    return value


def action(value: Any, folder: Path) -> Any:
    """Check what a button does; empty stands for nothing."""
    if value:
        parse_action(value)
    return value


def pattern(value: Any, folder: Path) -> Any:
    """Check what a light shows; empty stands for nothing."""
    if value:
        parse_pattern(value)
    return value


def _is_jwt(text: str) -> bool:
    parts = text.split(".")
    if len(parts) != 3 or not all(re.fullmatch(r"[A-Za-z0-9_-]+", part) for part in parts):
        return False
    try:
        return all(isinstance(json.loads(_decode(part)), dict) for part in parts[:2])
    except ValueError:
        return False


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


KINDS: dict[str, Kind] = {
    "action": action,
    "file": file,
    "host_port": host_port,
    "hhmm": hhmm,
    "long_wav": long_wav,
    "pattern": pattern,
    "url": url,
    "token": token,
    "wav": wav,
}
