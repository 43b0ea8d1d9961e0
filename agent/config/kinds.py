"""Settings whose text has an inner form: files, times, names, addresses, tokens, actions, patterns.

A kind is a function from a value and the folder of the configuration file to the value that the program uses;
it raises `ValueError` with what was expected, or `hw.errors.SettingError` with the whole story.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from agent.config.file_kinds import FILE_KINDS, Kind, file
from agent.config.sip_kinds import SIP_KINDS
from hw.errors import ToneError
from hw.panel.actions import parse_action
from hw.panel.patterns import parse_pattern
from hw.sound.wav_open import check_sound

_HHMM = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
# RFC 1035 section 2.3.4: no label is empty, or longer than 63, and no name longer than 253 characters.
_HOST = re.compile(
    r"(?=[A-Za-z0-9])(?=.{1,253}\Z)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*(?<=[A-Za-z0-9])|\[[0-9A-Fa-f:.]+\]"
)

_CALLER = re.compile(r"(client:|sip:|sips:)\S.*|[+*?\d\[]\S*")


def wav(value: Any, folder: Path) -> Any:
    """Check a WAV file that can be played, however long; empty stands for none. Raises ValueError."""
    path = file(value, folder)
    if path:
        try:
            check_sound(path)
        except ToneError as error:
            raise ValueError(f"a WAV file with PCM sound; {error}") from None
    return path


def host_port(value: Any, folder: Path) -> Any:
    """Check HOST:PORT, port 0 where any will do; empty stands for none. Raises ValueError."""
    host, _, port = value.rpartition(":")
    if value and not (_HOST.fullmatch(host) and port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError('an address "HOST:PORT", like "switchboard.local:8443"')
    return value


def host(value: Any, folder: Path) -> Any:
    """Check HOST or HOST:PORT. Raises ValueError."""
    if not _HOST.fullmatch(value):
        return host_port(value or "?", folder)
    return value


def broker_host(value: Any, folder: Path) -> Any:
    """Check a name or address without a port; empty stands for none. Raises ValueError."""
    if value and not _HOST.fullmatch(value):
        raise ValueError('a name or address alone, like "broker.local"; its port has a key of its own')
    return value


def edges(value: Any, folder: Path) -> Any:
    """Check names of edges with commas between them. Raises ValueError."""
    if not all(re.fullmatch(r"\s*[a-z0-9]([a-z0-9-]*[a-z0-9])?\s*", name) for name in value.split(",")):
        raise ValueError('the name of an edge, like "dublin", or several: "dublin,frankfurt"')
    return value


def identity(value: Any, folder: Path) -> Any:
    """Check the name by which this box is called. Raises ValueError."""
    if value.startswith("client:"):
        raise ValueError(f'the name alone, without "client:": "{value.removeprefix("client:").strip()}"')
    if value != value.strip() or not value.isprintable():
        raise ValueError("a name without blanks around it, of characters that can be seen")
    return value


def caller(value: Any, folder: Path) -> Any:
    """Check a pattern of callers, as the service names them in `From`. Raises ValueError."""
    if not _CALLER.fullmatch(value):
        name = re.sub(r"(?i)^\s*client:\s*|\s", "", value)
        meant = f'; did you mean "client:{name}"?' if name else ""
        raise ValueError(f'callers like "client:reception", "sip:*@example.org", "+4930*" or "*"{meant}')
    return value


def target(value: Any, folder: Path) -> Any:
    """Check whom an entry of the directory calls. Raises ValueError."""
    if not re.fullmatch(r"[^\s,]+", value) or not value.isprintable() or value in ("client:", "sip:", "sips:"):
        raise ValueError('one name or number, like "desk_1" or "+493012345", without blanks and commas')
    return value


def number(value: Any, folder: Path) -> Any:
    """Check the digits that dial an entry of the directory; empty stands for none. Raises ValueError."""
    if not re.fullmatch(r"[0-9]{0,8}", value):
        raise ValueError('1 to 8 digits in quotation marks, like "12"')
    return value


def hhmm(value: Any, folder: Path) -> Any:
    """Check a time of day; empty stands for none. Raises ValueError."""
    if value and re.fullmatch(r"\d?\d:\d\d:\d\d", value):
        raise ValueError(f'hours and minutes only: "{value.rpartition(":")[0].zfill(5)}"')
    if value and not _HHMM.fullmatch(value):
        raise ValueError('a time of day "HH:MM", like "22:30"')
    return value


def url(value: Any, folder: Path) -> Any:
    """Check an http or https address; empty stands for none. Raises ValueError."""
    if value:
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and _is_asked(parts) and not re.search(r"\s", value)
        except ValueError:
            usable = False
        if not usable:
            raise ValueError('an address that begins with "https://" or "http://", and names a host')
        if not (parts.path + parts.query).isascii():
            raise ValueError("only ASCII behind the host, all else percent-encoded")
    return value


def _is_asked(parts: SplitResult) -> bool:
    """Whether somebody can be asked there: a host, of labels that a name server knows, and a port. ValueError."""
    host = (parts.hostname or "").encode("idna")
    return bool(host) and len(host) <= 253 and parts.port != 0


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
    except (ValueError, RecursionError):
        return False


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


KINDS: dict[str, Kind] = {
    **FILE_KINDS,
    **SIP_KINDS,
    "action": action,
    "broker_host": broker_host,
    "caller": caller,
    "edges": edges,
    "host": host,
    "host_port": host_port,
    "hhmm": hhmm,
    "identity": identity,
    "number": number,
    "pattern": pattern,
    "target": target,
    "url": url,
    "token": token,
    "wav": wav,
}
