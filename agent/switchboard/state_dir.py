"""The switchboard's state folder: the keys that sign tokens, the authority, and the certificate that it serves with."""

from __future__ import annotations

import datetime as dt
import ipaddress
import logging
import secrets
import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.errors import ConfigError
from agent.files import make_private_folder, state_folder, write_private
from agent.signaling.token.access_token import ApiKey
from agent.switchboard import certificates
from agent.switchboard.box_keys import DAMAGE, BoxKeys, as_json, parse_key
from agent.switchboard.certificates import Identity
from agent.switchboard.services import APPLICATION
from agent.switchboard.trust import MEND, Trust

log = logging.getLogger(__name__)


class StateDir:
    """The folder's files; a server certificate or a site key that is missing, torn or outdated is made anew.

    `api_key.json` signs tokens for everybody, `boxes` has the credentials of each box, `ca.pem` is what clients trust,
    `authority.pem` and `server.pem` hold private keys.
    """

    def __init__(self, folder: Path, names: Sequence[str], now: dt.datetime) -> None:
        """Open `folder`, for a server that answers to `names`; ConfigError when it cannot be used."""
        self.folder = folder
        self._names = tuple(dict.fromkeys(names))
        self._trust = Trust(folder)
        try:
            make_private_folder(folder)
            self.api_key = load_api_key(folder)
            self.boxes = BoxKeys(folder)
            self.renew(now)
        except OSError as error:
            raise ConfigError(f"the switchboard's state folder {folder} cannot be used: {error}") from error

    @classmethod
    def reopened(cls, folder: Path, names: Sequence[str], now: dt.datetime) -> tuple[StateDir, ssl.SSLContext]:
        """Open it again for a server that runs, with a TLS context; ConfigError, and no change, when a file is damaged.

        A start must go on without that file; who runs had better keep what it has than end every token.
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
        return self._trust.ca_file

    def find_key(self, key_sid: str) -> ApiKey | None:
        """Return the key of that name, whether it is the site's or a box's."""
        return self.api_key if key_sid == self.api_key.key_sid else self.boxes.find(key_sid)

    def renew(self, now: dt.datetime) -> bool:
        """Make a new server certificate if the present one is torn, of another authority or time, or lacks a name.

        One that is whole goes on where nothing can sign another; ConfigError when there is none.
        """
        path = self.folder / "server.pem"
        server, authority = _read_identity(path), self._trust.authority(now)
        if authority is None:
            if server is None:
                raise ConfigError(f"neither {path} nor what signed it can be used; {MEND}")
            return False
        if server is not None and certificates.covers(server, authority, self._names, now):
            return False
        write_private(path, certificates.make_server(authority, self._names, now).pem)
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


def load_api_key(folder: Path) -> ApiKey:
    """Read the folder's signing key, or make one."""
    path = make_private_folder(folder) / "api_key.json"
    try:
        return parse_key(path.read_bytes())
    except FileNotFoundError:
        pass
    except DAMAGE:
        log.warning("%s is damaged; a new key is made, and tokens signed with the old one end", path)
    account_sid, key_sid = f"AC{secrets.token_hex(16)}", f"SK{secrets.token_hex(16)}"
    key = ApiKey(account_sid, key_sid, secrets.token_urlsafe(32), APPLICATION)
    write_private(path, as_json(key))
    return key


PARSERS: dict[str, Callable[[bytes], object]] = {
    "api_key.json": parse_key,
    "authority.pem": certificates.parse_identities,
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
        log.warning("%s is damaged", path)
        return None
