"""The codes that open doors: who has which, at what hours, whether it is used up. Pure, and no digit is ever logged.

A named code stands in the settings as scrypt of its digits (RFC 7914), so that who glances at them can open nothing.
The few digits of a door's code can still be found by trying them all, so the settings stay private. Codes of one box
share a salt: an entry is hashed once, however many codes there are, and two names with the same digits are noticed. All
codes of its length are compared, in constant time, whichever is right.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from hw.errors import SettingError
from hw.panel.settings import MAX_DIGITS, MIN_DIGITS, check_digits
from hw.week_hours import DAYS, WeekHours

KIND = "scrypt"
COST = 2048  # 2 MB of memory
LEAST_COST, MOST_COST = 1024, 32_768
SALT_BYTES, HASH_BYTES = 16, 32
MOST_CODES = 100


class HashedCode(NamedTuple):
    """A code as the settings have it: `scrypt:COST:DIGITS:SALT:HASH`, the last two in hexadecimal digits."""

    cost: int
    digits: int
    salt: bytes
    hash: bytes

    @classmethod
    def parse(cls, text: str) -> HashedCode:
        """Read a line that `kiosk-agent code` wrote. Raises SettingError."""
        parts = text.split(":")
        try:
            kind, cost, digits, salt, hashed = parts
            found = cls(int(cost), int(digits), bytes.fromhex(salt), bytes.fromhex(hashed))
        except ValueError:
            raise SettingError("hash is none that `kiosk-agent code NAME` prints; take its whole line") from None
        sound = kind == KIND and len(found.salt) == SALT_BYTES and len(found.hash) == HASH_BYTES
        if not sound or found.cost & (found.cost - 1) or not LEAST_COST <= found.cost <= MOST_COST:
            raise SettingError("hash is none that `kiosk-agent code NAME` prints; take its whole line")
        if not MIN_DIGITS <= found.digits <= MAX_DIGITS:
            raise SettingError(f"hash is of a code with {found.digits} digits; expected {MIN_DIGITS} to {MAX_DIGITS}")
        return found

    def __str__(self) -> str:
        return f"{KIND}:{self.cost}:{self.digits}:{self.salt.hex()}:{self.hash.hex()}"

    @property
    def id(self) -> str:
        """What names this code and no other one, and says nothing of its digits."""
        return self.hash.hex()[:16]


def hash_code(digits: str, salt: bytes | None = None, cost: int = COST) -> HashedCode:
    """Hash a code, with the salt of the box's other codes. Raises SettingError for what cannot be one."""
    check_digits(digits)
    salt = salt or secrets.token_bytes(SALT_BYTES)
    return HashedCode(cost, len(digits), salt, _scrypt(digits, salt, cost))


def _scrypt(digits: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(digits.encode(), salt=salt, n=cost, r=8, p=1, maxmem=64 * 1024 * 1024, dklen=HASH_BYTES)


@dataclass(frozen=True)
class CodeSettings:
    """[codes.NAME]: the code of one person or trade."""

    hash: str = field(repr=False, metadata={"help": "the line that `kiosk-agent code NAME` prints", "secret": True})
    doors: tuple[str, ...] = field(default=(), metadata={"help": "the doors that it opens; none: all that take codes"})
    days: tuple[str, ...] = field(default=(), metadata={"help": "days on which it is good; none: all", "choices": DAYS})
    begins: str = field(default="", metadata={"help": "from when on it is good; empty: all day", "kind": "hhmm"})
    ends: str = field(default="", metadata={"help": "until when it is good", "kind": "hhmm"})
    once: bool = field(default=False, metadata={"help": "whether it opens once, and then never again"})

    def __post_init__(self) -> None:
        """Raises SettingError for a hash that is none, and hours that never come."""
        HashedCode.parse(self.hash)
        try:
            self.hours()
        except SettingError as error:
            raise SettingError(f"begins and ends: {error}") from None

    def hours(self) -> WeekHours:
        """Return when it is good."""
        return WeekHours.parse(self.days, self.begins, self.ends)


class CodeBook:
    """Every code of one box, and which of them are used up."""

    def __init__(self, plain: str, codes: Mapping[str, CodeSettings]) -> None:
        """`plain` is the code without a name, as it is; empty: there is none."""
        self._plain = plain
        self._codes = {name: (HashedCode.parse(code.hash), code) for name, code in codes.items()}
        self.longest = max([len(plain), *(hashed.digits for hashed, _ in self._codes.values())])
        self.used: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self._plain or self._codes)

    def owner(self, entry: str, now: datetime) -> str | None:
        """Tell whose code this is and may be used at this local time; "" is nobody's in particular, None is none."""
        is_plain = hmac.compare_digest(entry.encode(), self._plain.encode()) and bool(self._plain)
        name = self.whose(entry)
        if name is not None:
            hashed, code = self._codes[name]
            if code.hours().hold_at(now) and hashed.id not in self.used:
                return name
        return "" if is_plain else None

    def whose(self, entry: str) -> str | None:
        """Tell whose code this is, whether or not it may be used now; None is nobody's."""
        alike = [(name, hashed) for name, (hashed, _) in self._codes.items() if hashed.digits == len(entry)]
        keys = {(hashed.salt, hashed.cost) for _, hashed in alike}
        hashes = {key: _scrypt(entry, *key) for key in keys}
        found = None
        for name, hashed in alike:  # all of them, so that the time tells nothing
            if hmac.compare_digest(hashes[hashed.salt, hashed.cost], hashed.hash):
                found = name
        return found

    def use(self, owner: str) -> None:
        """Use up a code that opens once."""
        if owner and self._codes[owner][1].once:
            self.used |= {self._codes[owner][0].id}

    def remember(self, used: frozenset[str]) -> None:
        """Go on from what an earlier program remembered, as far as those codes are still there."""
        self.used = used & {hashed.id for hashed, code in self._codes.values() if code.once}
