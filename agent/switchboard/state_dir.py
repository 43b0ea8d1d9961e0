"""The switchboard's state folder: the key that signs tokens and the certificates, made when they are missing."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import logging
import secrets
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from agent.errors import ConfigError
from agent.files import make_private_folder, state_folder, write_private
from agent.signaling.token.access_token import ApiKey
from agent.switchboard import certificates
from agent.switchboard.certificates import Identity

log = logging.getLogger(__name__)

APPLICATION_SID = "AP" + "0" * 32  # the grant of outgoing calls names one; the switchboard has no other meaning for it

DAMAGE = (ValueError, TypeError, AttributeError)  # what parsing a torn file raises


class StateDir:
    """The folder's files; every one that is missing, torn or outdated is made anew.

    `api_key.json` signs tokens, `ca.pem` is what clients trust, `authority.pem` and `server.pem` hold private keys.
    """

    def __init__(self, folder: Path, names: Sequence[str], now: dt.datetime) -> None:
        """Open `folder`, for a server that answers to `names`; ConfigError when it cannot be written."""
        self.folder = folder
        self._names = tuple(dict.fromkeys(names))
        try:
            make_private_folder(folder)
            self.api_key = load_api_key(folder)
            self._authority = self._load_authority(now)
            self.renew(now)
        except OSError as error:
            raise ConfigError(f"the switchboard's state folder {folder} cannot be used: {error}") from error

    @classmethod
    def reopened(cls, folder: Path, names: Sequence[str], now: dt.datetime) -> tuple[StateDir, ssl.SSLContext]:
        """Open it again for a server that runs, with a TLS context; ConfigError, and no change, when a file is damaged.

        A start must go on without that file; who runs had better keep what it has than end every token and trust.
        """
        for name, parse in PARSERS.items():
            try:
                parse((folder / name).read_bytes())
            except FileNotFoundError:
                continue  # removed on purpose
            except (OSError, *DAMAGE) as error:
                raise ConfigError(f"{folder / name} cannot be used: {error}; restore it, or remove it") from error
        state = cls(folder, names, now)
        try:
            return state, state.ssl_context()
        except OSError as error:
            raise ConfigError(f"{folder / 'server.pem'} cannot be used: {error}") from error

    @property
    def ca_file(self) -> Path:
        """What clients verify the server with."""
        return self.folder / "ca.pem"

    def renew(self, now: dt.datetime) -> bool:
        """Make a new server certificate if the present one is torn, nears its end or lacks a name."""
        path = self.folder / "server.pem"
        server = _read_identity(path)
        if server is not None and certificates.covers(server, self._authority, self._names, now):
            return False
        write_private(path, certificates.make_server(self._authority, self._names, now).pem)
        log.info("made a certificate for %s", ", ".join(self._names))
        return True

    def ssl_context(self) -> ssl.SSLContext:
        """Build the server's TLS context."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.load_certificate(context)
        return context

    def load_certificate(self, context: ssl.SSLContext) -> None:
        """Let new connections of `context` use the present certificate."""
        context.load_cert_chain(self.folder / "server.pem")

    def _load_authority(self, now: dt.datetime) -> Identity:
        path = self.folder / "authority.pem"
        authority = _read_identity(path)
        if authority is None or not certificates.lasts(authority, now):
            authority = certificates.make_authority(now)
            write_private(path, authority.pem)
            log.info("made a certificate authority; clients trust %s", self.ca_file)
        if not self.ca_file.exists() or self.ca_file.read_bytes() != authority.certificate_pem:
            write_private(self.ca_file, authority.certificate_pem)
        return authority


def load_api_key(folder: Path) -> ApiKey:
    """Read the folder's signing key, or make one."""
    path = make_private_folder(folder) / "api_key.json"
    try:
        return _parse_api_key(path.read_bytes())
    except FileNotFoundError:
        pass
    except DAMAGE:
        log.warning("%s is damaged; a new key is made, and tokens signed with the old one end", path)
    account_sid, key_sid = f"AC{secrets.token_hex(16)}", f"SK{secrets.token_hex(16)}"
    key = ApiKey(account_sid, key_sid, secrets.token_urlsafe(32), APPLICATION_SID)
    write_private(path, json.dumps(asdict(key)).encode())
    return key


def _parse_api_key(text: bytes) -> ApiKey:
    return ApiKey(**{name: str(value) for name, value in json.loads(text).items()})


PARSERS: dict[str, Callable[[bytes], object]] = {
    "api_key.json": _parse_api_key,
    "authority.pem": certificates.parse_identity,
    "server.pem": certificates.parse_identity,
}


def default_folder() -> str:
    """Return the state folder of the service, or the user's."""
    return str(state_folder())


def server_names(listen_host: str, more: Sequence[str] = ()) -> tuple[str, ...]:
    """List every name that a client may use for this machine: loopback, its host names, its address, `more`."""
    hostname = socket.gethostname()
    names = ["localhost", "127.0.0.1", "::1", *_dns_names(hostname), *more]
    if not _is_wildcard(listen_host):
        names.append(listen_host)
    elif address := outgoing_address():
        names.append(address)
    return tuple(dict.fromkeys(name for name in names if name))


def outgoing_address() -> str | None:
    """Return the address with which this machine reaches others, without sending anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # documentation address (RFC 5737): only the route is looked up
        except OSError:
            return None
        return str(probe.getsockname()[0])


def _dns_names(hostname: str) -> list[str]:
    if not hostname.isascii():
        return []
    return [hostname] if "." in hostname else [hostname, f"{hostname}.local"]


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return not host


def _read_identity(path: Path) -> Identity | None:
    try:
        return certificates.parse_identity(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        log.warning("%s is damaged; a new one is made", path)
        return None
