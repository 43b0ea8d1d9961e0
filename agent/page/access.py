"""Who asks: the owner by the page's password or from the page itself, others by a key. Wrong ones take time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from time import monotonic

import gevent

from agent.log import SeldomLog
from agent.page.api_keys import OWNER, ApiKeys, ApiSettings, Asker
from agent.page.crowd import Doing, Visitor
from agent.page.guard import Guard, Refusal, given_password
from agent.page.guesses import Guesses
from agent.page.settings import PageSettings

log = logging.getLogger(__name__)

UNKNOWN = "401 Unauthorized"
BASIC = ("WWW-Authenticate", 'Basic realm="kiosk panel", charset="UTF-8"')
BEARER = ("WWW-Authenticate", 'Bearer realm="kiosk panel", error="invalid_token"')


class Access:
    """Tells who asks. A program with a key (RFC 6750) needs no protection against other sites: no browser adds a key.

    A key can stand in the place of the page's password, too: its browser shows and does what the key allows.
    """

    def __init__(self, page: PageSettings, api: ApiSettings, strangers: SeldomLog) -> None:
        self._guard = Guard(page)
        self._keys = ApiKeys(api)
        self._guesses = Guesses()
        self._strangers = strangers

    def asker(self, visitor: Visitor, method: str, path: str, headers: Mapping[str, str]) -> Asker:
        """Tell who asks; raises Refusal. Blocks the calling greenlet while passwords are guessed."""
        scheme, _, key = headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._judge(visitor, lambda: self._keys.find(key.strip()), BEARER)
        self._guard.check(method, path, headers)
        if not self._guard.asks:
            return OWNER
        if scheme:
            return self._judge(visitor, lambda: self._by_password(headers), BASIC)
        raise _unknown(BASIC)

    def _by_password(self, headers: Mapping[str, str]) -> Asker | None:
        if self._guard.knows(headers):
            return OWNER
        return self._keys.find((given_password(headers) or b"").decode(errors="replace"))

    def _judge(self, visitor: Visitor, find: Callable[[], Asker | None], challenge: tuple[str, str]) -> Asker:
        if visitor.is_known and (asker := find()) is not None:
            return asker
        visitor.turn_to(Doing.GUESSING, monotonic())
        asker = self._guesses.judge(visitor.address, find, visitor.has_gone)
        visitor.is_known = asker is not None
        visitor.turn_to(Doing.MOVING, monotonic())
        if asker is not None:
            return asker
        self._strangers.warning("somebody gave a wrong password or key for the page")
        gevent.sleep(self._guesses.penalty_s(visitor.address))
        raise _unknown(challenge)


def _unknown(challenge: tuple[str, str]) -> Refusal:
    return Refusal(UNKNOWN, "give the page's password with any user name, or a key as Bearer", [challenge])
