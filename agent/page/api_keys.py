"""The keys of the HTTP interface: who asks by one, and what it allows. Pure but for making one.

A key is 256 random bits, which nobody guesses, so one SHA-256 keeps it as safe as a slow hash would, and a look at one
costs the hub some microseconds instead of what a slow hash is for. The settings hold only the hash.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hw.errors import SettingError
from hw.setting import setting

LOOK, TALK, OPEN, MEND = "look", "talk", "open", "mend"
PERMISSIONS = (LOOK, TALK, OPEN, MEND)
KEY_BYTES = 32
HASH = re.compile(r"sha256:[0-9a-f]{64}")


class Asker(NamedTuple):
    """Who asks for something, as it is told to others, and what he may."""

    name: str
    permissions: frozenset[str]
    by: str = "http"  #: by which of the ways that `opened_by` of a door names


OWNER = Asker("page", frozenset(PERMISSIONS), "page")


@dataclass(frozen=True)
class ApiKeySettings:
    """`[api.keys.NAME]`: one key, and what it allows."""

    key_hash: str = field(metadata={"help": "what `kiosk-agent key NAME` prints for it", "secret": True})
    permissions: tuple[str, ...] = setting((LOOK,), "what it allows: look, talk, open, mend")

    def __post_init__(self) -> None:
        """Raises SettingError for what is no hash, or no permission."""
        if not HASH.fullmatch(self.key_hash):
            raise SettingError('key_hash is no hash; expected "sha256:..." as `kiosk-agent key NAME` prints it')
        if unknown := [one for one in self.permissions if one not in PERMISSIONS]:
            raise SettingError(f"permissions: {unknown[0]!r} is none; expected some of {', '.join(PERMISSIONS)}")
        if not self.permissions:
            raise SettingError(f"permissions is empty, so the key allows nothing; expected {', '.join(PERMISSIONS)}")


@dataclass(frozen=True)
class ApiSettings:
    """The `[api]` section: the keys of the HTTP interface."""

    keys: Mapping[str, ApiKeySettings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises SettingError for one key under two names: who asked would not be known."""
        names: dict[str, str] = {}
        for name, one in self.keys.items():
            if (other := names.setdefault(one.key_hash, name)) != name:
                raise SettingError(f"keys: {other} and {name} are the same key; make another one by `kiosk-agent key`")


def new_key() -> tuple[str, str]:
    """Make a key; returns it and its hash."""
    key = secrets.token_urlsafe(KEY_BYTES)
    return key, hash_of(key)


def hash_of(key: str) -> str:
    """Hash a key as the settings hold it."""
    return "sha256:" + hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


class ApiKeys:
    """All keys of a box."""

    def __init__(self, settings: ApiSettings) -> None:
        self._known = [(one.key_hash, Asker(f"key {name}", frozenset(one.permissions)))
                       for name, one in settings.keys.items()]  # fmt: skip

    def find(self, key: str) -> Asker | None:
        """Tell whose key it is; None for nobody's. Every one is compared, so time tells nothing."""
        given, found = hash_of(key), None
        for known, asker in self._known:
            if hmac.compare_digest(given, known):
                found = asker
        return found
