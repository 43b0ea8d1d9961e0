"""Gets one access token from where the settings say; each function blocks the calling greenlet only."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

from agent.command_output import output_of
from agent.errors import InvalidArgumentError, LocalFault
from agent.log import excerpt
from agent.net.http import HttpError, HttpHost
from agent.signaling.token.access_token import ApiKey, mint_token
from agent.signaling.token.token_settings import TokenSettings

MAX_TOKEN_CHARS = 16 * 1024
COMMAND_TIMEOUT_S = 30.0
URL_TIMEOUT_S = 15.0

_TOKEN_CHARS = frozenset(string.ascii_letters + string.digits + string.punctuation)

Fetch = Callable[[], str]


class TokenError(LocalFault):
    """No token could be had; the message says why, and never quotes a token or a secret."""


def fetcher(settings: TokenSettings, identity: str) -> Fetch:
    """Choose what gets the next token for `identity`, raising TokenError; InvalidArgumentError without a source."""
    if not settings.source:
        raise InvalidArgumentError("[token] names no source; set one of value, file, url, command or an API key")
    get = _SOURCES[settings.source]
    return lambda: _checked(get(settings, identity))


def read_key(path: Path) -> ApiKey:
    """Read the API key in a JSON file with account_sid, key_sid and secret; raises TokenError."""
    try:
        members = json.loads(path.read_text())
        account_sid, key_sid, secret = (str(members[name]) for name in ("account_sid", "key_sid", "secret"))
        more = (str(members.get(name, "")) for name in ("application_sid", "identity"))
        return ApiKey(account_sid, key_sid, secret, *more)
    except OSError as exc:
        raise TokenError(f"The key file {path} cannot be read: {exc.strerror}.") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise TokenError(f"The key file {path} must be JSON with account_sid, key_sid and secret.") from None


def _from_value(settings: TokenSettings, identity: str) -> str:
    return settings.value


def _from_file(settings: TokenSettings, identity: str) -> str:
    try:
        return Path(settings.file).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not text"
        raise TokenError(f"The token file {settings.file} cannot be read: {reason}.") from None


def _from_url(settings: TokenSettings, identity: str) -> str:
    parts = urlsplit(settings.url.replace("{identity}", quote(identity, safe="")))
    header, _, value = settings.url_header.partition(":")
    headers = {header.strip(): value.strip()} if header else {}
    host = HttpHost(f"{parts.scheme}://{parts.netloc}", ca_file=settings.url_ca_file or None, timeout_s=URL_TIMEOUT_S)
    try:
        answer = host.request("GET", parts._replace(scheme="", netloc="", fragment="").geturl() or "/", headers)
    except HttpError as exc:
        raise TokenError(f"The token address gave no token. {exc}") from None
    finally:
        host.close()
    if answer.status != 200:
        raise TokenError(f"The token address at {host.host} answered with HTTP status {answer.status}.")
    return _token_in(answer.body.decode(errors="replace"), settings.url_member)


def _token_in(text: str, member: str) -> str:
    """The token in an answer that is the token itself, a JSON string, or a JSON object with that member."""
    if text.lstrip()[:1] not in ('"', "{"):
        return text
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise TokenError("The token address answered with broken JSON.") from None
    token = document.get(member) if isinstance(document, dict) else document
    if not isinstance(token, str):
        raise TokenError(f"The JSON of the token address has no text member {member!r}; set url_member.")
    return token


def _from_command(settings: TokenSettings, identity: str) -> str:
    arguments = [argument.replace("{identity}", identity) for argument in settings.command]
    try:
        return output_of(arguments, "token command", MAX_TOKEN_CHARS, COMMAND_TIMEOUT_S)
    except LocalFault as error:
        raise TokenError(str(error)) from None


def _from_api_key(settings: TokenSettings, identity: str) -> str:
    return _mint(ApiKey(settings.account_sid, settings.api_key_sid, settings.api_key_secret), settings, identity)


def _from_key_file(settings: TokenSettings, identity: str) -> str:
    key = read_key(Path(settings.key_file).expanduser())
    if key.identity and key.identity != identity:
        raise TokenError(
            f"The key file {settings.key_file} is for {excerpt(key.identity)}, and this box is {excerpt(identity)}; "
            "one of the two names has to be changed."
        )
    return _mint(key, settings, identity)


def _mint(key: ApiKey, settings: TokenSettings, identity: str) -> str:
    return mint_token(key, identity, ttl_s=settings.ttl_s, application_sid=settings.application_sid or None)


_SOURCES: dict[str, Callable[[TokenSettings, str], str]] = {
    "value": _from_value,
    "file": _from_file,
    "url": _from_url,
    "command": _from_command,
    "key_file": _from_key_file,
    "api_key_sid": _from_api_key,
}


def _checked(text: str) -> str:
    token = text.strip()
    if not token:
        raise TokenError("The source of tokens gave an empty one.")
    if len(token) > MAX_TOKEN_CHARS or not _TOKEN_CHARS.issuperset(token):
        raise TokenError("The source of tokens gave something that is no token: too long, or not one word of ASCII.")
    return token
