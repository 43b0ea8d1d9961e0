"""The tokens by which one client takes one call up again (spec: signaling 11). Pure.

Each use brings another one. It may be lost on its way, with the socket that it was told on; so a token is good until
one that came after it was used, or has certainly arrived.
"""

from __future__ import annotations

import hmac
import secrets

MOST_GOOD = 4  # of a client whose socket is lost again and again, before it hears an answer


class ReconnectTokens:
    """One leg's tokens, oldest first; there is always one more than the client has used."""

    def __init__(self) -> None:
        self._good = [_new()]
        self._told = 0  # how many of them the client was told

    def tell(self) -> str:
        """Return the newest; empty when the client was told of it before."""
        if self._told == len(self._good):
            return ""
        self._told = len(self._good)
        return self._good[-1]

    def use(self, token: str) -> bool:
        """Take a token, end those before it, and have another one to tell; False when it is not good."""
        places = [place for place, good in enumerate(self._good) if _same(good, token)]
        if not places:
            return False
        self._forget(0, places[0])
        if self._told == len(self._good):
            self._good.append(_new())
        self._forget(1, len(self._good) - MOST_GOOD)
        return True

    def arrived(self) -> None:
        """End those before the one that the client was told last, because it has read that."""
        self._forget(0, self._told - 1)

    def _forget(self, place: int, count: int) -> None:
        count = max(0, count)
        del self._good[place : place + count]
        self._told -= count


def _new() -> str:
    return secrets.token_urlsafe(16)


def _same(secret: str, guess: str) -> bool:
    return hmac.compare_digest(secret.encode(), guess.encode(errors="replace"))
