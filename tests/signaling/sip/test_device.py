"""Whole Devices that call each other through a SIP edge, with real media (agent.signaling.sip, agent.voice)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import numpy as np
import pytest

from agent import Connection, Device
from agent.media.bridge import Bridge
from agent.signaling.sip.account import SipAccount
from hw.sound.wav_sound import WavSound
from tests.signaling.sip.edge import DOMAIN, SECRETS, Edge

PATIENCE_S = 30.0
LOUD = 500


def tone(hz: float) -> bytes:
    """One second of sound."""
    return (8_000 * np.sin(2 * np.pi * hz * np.arange(48_000) / 48_000)).astype(np.int16).tobytes()


def until(condition: Callable[[], object]) -> None:
    with gevent.Timeout(PATIENCE_S, AssertionError("it did not come about")):
        while not condition():
            gevent.sleep(0.01)


class Phone:
    """A registered Device that talks without pause and counts the frames that it hears."""

    def __init__(self, edges: list[Edge], bridge: Bridge, user: str, **options: Any) -> None:
        self.heard = 0
        self.incoming: list[Connection] = []
        self.told: list[str] = []
        self._sound = WavSound(tone(440), self._played, loop=True)
        self.device = Device()
        self.device.on("incoming", self.incoming.append)
        account = SipAccount(tuple(edge.uri for edge in edges), user, DOMAIN, SECRETS[user])
        self.device.setup(protocol="sip", sip=account, bridge=bridge, sound=self._sound, ca_file=edges[0].ca_file,
                          **options)  # fmt: skip
        until(lambda: self.device.status() == "ready")

    def follow(self, call: Connection) -> Connection:
        for name in ("accept", "disconnect", "cancel", "reject", "error", "hold", "digit", "reconnecting",
                     "reconnected", "transportClose"):  # fmt: skip
            call.on(name, lambda *args, name=name: self.told.append(
                f"{name} {args[0]}" if args and isinstance(args[0], str | bool) else name))  # fmt: skip
        return call

    def until_hears(self) -> None:
        before = self.heard
        until(lambda: self.heard > before + 10)

    def close(self) -> None:
        stream = self.device.stream
        self.device.destroy()
        if stream is not None:
            stream.join(1.0)
        self._sound.close()

    def _played(self, frame: bytes) -> None:
        if np.abs(np.frombuffer(frame, np.int16)).max() > LOUD:
            self.heard += 1


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    bridge = Bridge()
    yield bridge
    bridge.close()


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    edge = Edge(tmp_path)
    yield edge
    edge.close()


@pytest.fixture
def phone(edge: Edge, bridge: Bridge) -> Iterator[Callable[..., Phone]]:
    made: list[Phone] = []

    def make(user: str, *edges: Edge, **options: Any) -> Phone:
        made.append(Phone(list(edges) or [edge], bridge, user, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def called(caller: Phone, callee: Phone, whom: str = "desk", **params: str) -> tuple[Connection, Connection]:
    """A call that is answered, as both see it."""
    before = len(callee.incoming)
    out = caller.follow(caller.device.connect({"To": whom, **params}))
    until(lambda: len(callee.incoming) > before)
    taken = callee.follow(callee.incoming[-1])
    taken.accept()
    until(lambda: out.status() == taken.status() == "open")
    return out, taken


def test_sound_goes_both_ways(edge: Edge, phone: Callable[..., Phone]) -> None:
    kiosk, desk = phone("kiosk"), phone("desk")
    out, taken = called(kiosk, desk, Door="front", Unit="4b ü")

    assert taken.custom_parameters == {"Door": "front", "Unit": "4b ü"}
    assert taken.parameters["From"] == f"sip:kiosk@{DOMAIN}"
    kiosk.until_hears()
    desk.until_hears()
    out.send_digits("12#")
    until(lambda: [told for told in desk.told if told.startswith("digit")] == ["digit 1", "digit 2", "digit #"])
    taken.disconnect()
    until(lambda: out.status() == "closed")
    assert "error" not in kiosk.told + desk.told
    (bye,) = edge.requests("BYE")
    assert not bye.all("Reason")


def test_a_second_caller_hears_that_the_box_is_busy(edge: Edge, phone: Callable[..., Phone]) -> None:
    kiosk, desk, other = phone("kiosk"), phone("desk"), phone("große tür")
    called(kiosk, desk)
    call = other.follow(other.device.connect({"To": "desk"}))

    until(lambda: call.status() == "closed")
    assert other.told == ["disconnect"]
    assert len(desk.incoming) == 1
    assert 486 in edge.statuses("INVITE")
    assert edge.statuses("INVITE").count(180) == 1


def test_a_call_moves_to_another_path_by_a_new_offer(edge: Edge, phone: Callable[..., Phone]) -> None:
    kiosk, desk = phone("kiosk"), phone("desk")
    out, taken = called(kiosk, desk)
    kiosk.until_hears()
    out._call.media.session.sever()
    until(lambda: "reconnected" in kiosk.told + desk.told)  # whoever notices first

    kiosk.until_hears()
    desk.until_hears()
    assert out.status() == taken.status() == "open"


def test_a_call_goes_on_while_the_edge_is_gone_and_ends_over_the_next_connection(
    edge: Edge, phone: Callable[..., Phone]
) -> None:
    kiosk, desk = phone("kiosk"), phone("desk")
    out, taken = called(kiosk, desk)
    kiosk.until_hears()
    edge.kill()
    until(lambda: "transportClose" in kiosk.told and "transportClose" in desk.told)
    kiosk.until_hears()
    out.disconnect()
    edge.listen()
    until(lambda: taken.status() == "closed")
    assert out.status() == "closed"
    assert "error" not in kiosk.told + desk.told
