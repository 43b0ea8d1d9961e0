"""The credentials of boxes: each is a key that signs tokens for one identity, a file below `boxes` until it is removed.

The site's own key signs for everybody and stays on the switchboard.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
from dataclasses import asdict, fields
from pathlib import Path

from agent.errors import ConfigError, InvalidArgumentError
from agent.files import make_private_folder, write_private
from agent.signaling.token.access_token import ApiKey
from agent.switchboard.services import SERVICES

log = logging.getLogger(__name__)

FOLDER = "boxes"
IDENTITY_LIMIT = 121
DAMAGE = (ValueError, TypeError, AttributeError, RecursionError)  # what parsing a torn file raises

Stamp = tuple[tuple[str, int, int], ...]


class BoxKeys:
    """The folder of credentials; `refresh` follows what others change there."""

    def __init__(self, state_folder: Path) -> None:
        self._folder = state_folder / FOLDER
        self._stamp: Stamp = ()
        self._keys: dict[str, ApiKey] = {}
        self.refresh()

    def find(self, key_sid: str) -> ApiKey | None:
        """Return the credential of that name."""
        return self._keys.get(key_sid)

    def all(self) -> list[ApiKey]:
        """Return every credential, by identity."""
        return sorted(self._keys.values(), key=lambda key: key.identity)

    def refresh(self) -> list[ApiKey]:
        """Read the folder again if it has changed; return the credentials that have ended since. Raises ConfigError."""
        stamp = self._look()
        if stamp == self._stamp:
            return []
        before, self._stamp = self._keys, stamp
        found = [key for name, *_ in stamp if (key := self._read(self._folder / name)) is not None]
        self._keys = {key.key_sid: key for key in found}
        return [key for key in before.values() if self._keys.get(key.key_sid) != key]

    def add(self, identity: str, account_sid: str, application_sid: str) -> ApiKey:
        """Make a credential for `identity`; InvalidArgumentError for a name that cannot be, or that has one."""
        _check(identity)
        if any(key.identity == identity for key in self.all()):
            raise InvalidArgumentError(f"{identity!r} has a credential; remove that first, or choose another name")
        key = ApiKey(account_sid, f"SK{secrets.token_hex(16)}", secrets.token_urlsafe(32), application_sid, identity)
        write_private(make_private_folder(self._folder) / f"{key.key_sid}.json", as_json(key))
        self.refresh()
        return key

    def remove(self, identity: str) -> None:
        """End the credential of `identity`; InvalidArgumentError when there is none."""
        found = [key for key in self.all() if key.identity == identity]
        if not found:
            raise InvalidArgumentError(f"{identity!r} has no credential here; `box list` shows who has")
        for key in found:
            (self._folder / f"{key.key_sid}.json").unlink(missing_ok=True)
        self.refresh()

    def _look(self) -> Stamp:
        try:
            with os.scandir(self._folder) as entries:
                found = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith(".json")]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise ConfigError(f"the credentials in {self._folder} cannot be read: {error}") from error
        return tuple(sorted((name, stat.st_mtime_ns, stat.st_ino) for name, stat in found))

    def _read(self, path: Path) -> ApiKey | None:
        try:
            key = parse_key(path.read_bytes())
            if key.identity and f"{key.key_sid}.json" == path.name:
                return key
            log.warning("%s is no credential of a box; it is ignored", path)
        except (OSError, *DAMAGE):
            log.warning("%s is damaged: its box has no access; remove the file and add the box again", path)
        return None


def as_json(key: ApiKey) -> bytes:
    """Write what `[token] key_file` takes."""
    return json.dumps({name: value for name, value in asdict(key).items() if value}).encode()


def parse_key(text: bytes) -> ApiKey:
    """Read what `as_json` wrote; raises one of DAMAGE."""
    members = json.loads(text)
    return ApiKey(**{field.name: str(members[field.name]) for field in fields(ApiKey) if field.name in members})


def _check(identity: str) -> None:
    if identity in SERVICES:
        raise InvalidArgumentError(f"the switchboard itself answers to {identity!r}; choose another name")
    if not 0 < len(identity) <= IDENTITY_LIMIT or identity != identity.strip() or not identity.isprintable():
        raise InvalidArgumentError(
            f"a name has 1 to {IDENTITY_LIMIT} characters that can be seen, without blanks around it"
        )
