"""Clients that say anything at any time: nothing breaks, nothing is left behind."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from agent.media.peer import Peer
from agent.media.settings import MediaSettings

from .phones import Phone, Site

Play = Callable[..., None]

NAMES = ("ann", "ben", "cid")
JUNK: tuple[Any, ...] = (None, True, 7, "", "x", "\ud800", "ü" * 300, [], {}, {"a": []}, "v=0\r\n")
TARGETS = (*NAMES, "echo", "tone", "busy", "reject", "noanswer", "nobody", "", "client%3Aann", "%ff%00")


class Monkey:
    """One client that plays at random; `offers` are real descriptions that it throws in."""

    def __init__(self, site: Site, name: str, offers: list[str], dice: random.Random) -> None:
        self._site = site
        self._name = name
        self._offers = offers
        self._dice = dice
        self._sids = ["TJS1", "CA" + "0" * 32]

    async def play(self, moves: int) -> None:
        phone = await self._come()
        for _ in range(moves):
            try:
                if self._dice.random() < 0.03:
                    await phone.drop()
                    phone = await self._come()
                kind, payload = self._frame()
                await phone.send(kind, **payload)
                await self._listen(phone)
            except ConnectionClosed:
                phone = await self._come()
        await phone.drop()

    async def _come(self) -> Phone:
        phone = await self._site.connect(self._dice.choice(["1.5", "1.6"]))
        await phone.send("listen", token=self._site.switchboard.mint(self._name))
        await phone.send("register", media={"audio": True})
        while (await phone.next())["type"] != "ready":
            pass  # news of its calls may come first
        return phone

    def _frame(self) -> tuple[str, dict[str, Any]]:
        kind = self._dice.choice(["invite", "answer", "reinvite", "hangup", "reject", "dtmf", "message", "register"])
        return kind, {key: self._value(key) for key in self._keys(kind) if self._dice.random() < 0.97}

    def _keys(self, kind: str) -> list[str]:
        more = {"invite": ["sdp", "twilio"], "answer": ["sdp"], "reinvite": ["sdp"], "dtmf": ["dtmf"],
                "message": ["voiceeventsid", "content"], "register": ["media"]}  # fmt: skip
        keys = ["callsid", *more.get(kind, [])]
        return [*keys, "reconnect"] if kind == "invite" and self._dice.random() < 0.1 else keys

    def _value(self, key: str) -> Any:
        if self._dice.random() < 0.05:
            return self._dice.choice(JUNK)
        sane: dict[str, Callable[[], Any]] = {
            "callsid": lambda: self._dice.choice(self._sids[-6:]),
            "sdp": lambda: self._dice.choice(self._offers),
            "twilio": lambda: {"params": f"To={self._dice.choice(TARGETS)}"},
            "media": lambda: {"audio": self._dice.random() < 0.8},
            "dtmf": lambda: "1w2",
        }
        return sane.get(key, lambda: "x")()

    async def _listen(self, phone: Phone) -> None:
        try:
            async with asyncio.timeout(0.005):
                while True:
                    frame = await phone.next()
                    if "callsid" in frame["payload"]:
                        self._sids.append(frame["payload"]["callsid"])
        except TimeoutError:
            self._sids.append(f"TJS{self._dice.randrange(4)}")


def test_no_sequence_of_messages_breaks_the_switchboard(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    dice = random.Random(11)

    async def story(site: Site) -> None:
        peers = [Peer(MediaSettings()) for _ in range(3)]
        offers = [await peer.create_offer() for peer in peers]
        await asyncio.gather(*(Monkey(site, name, offers, dice).play(300) for name in NAMES))
        async with asyncio.timeout(20):
            while len(site.switchboard.registry) or len(site.switchboard.calls):
                await asyncio.sleep(0.1)
        assert site.switchboard.idle
        for peer in peers:
            peer.close()
        await site.ready("ann")

    with caplog.at_level(logging.INFO):
        play(story, ring_timeout_s=2, reconnect_grace_s=1, media_grace_s=2, frames_per_s=1000)
    assert len([1 for record in caplog.records if " calls " in record.getMessage()]) > 50
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
