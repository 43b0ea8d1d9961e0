"""Frames of a server that has lost its mind, from well-formed ones in the wrong order to garbage."""

from __future__ import annotations

import json
import random
from typing import Any

TYPES = ("connected", "ready", "offline", "error", "invite", "cancel", "ringing", "answer", "hangup")
STRANGE_TYPES = ("", "transport_close", "new_listener", "toString", "__class__", "reinvite", "dtmf", "\n", "x" * 500)
MEMBERS = ("callsid", "sdp", "error", "parameters", "region", "gateway", "reconnect", "edge", "token")


class Nonsense:
    """A source of frames; the same seed gives the same frames."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def choice(self, options: Any) -> Any:
        return self._random.choice(options)

    def frame(self, sids: list[str]) -> str:
        """One frame as text; `sids` are names of calls that exist."""
        text = json.dumps(self._message(sids))
        if self.chance(0.1):
            return self._damaged(text)
        return text

    def _message(self, sids: list[str]) -> Any:
        if self.chance(0.03):
            return self._value(3)
        type_: Any = self._random.choice(TYPES) if self.chance(0.9) else self._random.choice(STRANGE_TYPES)
        if self.chance(0.02):
            type_ = self._value(1)
        return {"type": type_, "version": "1.5", "payload": self._payload(sids)}

    def _payload(self, sids: list[str]) -> Any:
        if self.chance(0.03):
            return self._value(2)
        payload: dict[str, Any] = {}
        if self.chance(0.85):
            payload["callsid"] = self._sid(sids)
        if self.chance(0.5):
            payload["sdp"] = self._random.choice(("v=0\r\n", "bad", "x" * 2_000))
        if self.chance(0.3):
            payload["error"] = {"code": self._random.choice((31205, 31000, 20104, 0, None, "x")), "message": "no"}
        if self.chance(0.4):
            payload["parameters"] = {"From": "client:bob", "Params": "a=%zz&=&b", "StirStatus": ""}
        if self.chance(0.1):
            payload[self._random.choice(MEMBERS)] = self._value(2)
        return payload

    def _sid(self, sids: list[str]) -> str:
        if sids and self.chance(0.6):
            return str(self._random.choice(sids))
        return f"CA{self._random.randrange(50)}"

    def _value(self, depth: int) -> Any:
        plain = (None, True, False, 0, -1, 1e300, 2**70, "", "é\u0000", "\ud800", "x" * 100)
        if depth == 0 or self.chance(0.5):
            return self._random.choice(plain)
        if self.chance(0.5):
            return [self._value(depth - 1) for _ in range(self._random.randrange(4))]
        return {self._random.choice(MEMBERS): self._value(depth - 1) for _ in range(self._random.randrange(4))}

    def _damaged(self, text: str) -> str:
        cut = self._random.randrange(len(text) + 1)
        return self._random.choice(
            (text[:cut], text[cut:], text + "}", "[" * 2_000, '{"type":NaN}', "", "\x00", text.replace('"', "'"))
        )
