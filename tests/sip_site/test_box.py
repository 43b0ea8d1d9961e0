"""The box itself at a site: its Device calls plain phones and is called, through the edge and the media engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import numpy as np
import pytest

from agent import Connection, Device
from agent.media.bridge import Bridge
from bench.rig.sip_phone import SipPhone
from bench.rig.sip_site import DOMAIN, USERS, SipSite
from hw.sound.wav_sound import WavSound

pytestmark = pytest.mark.netns

PATIENCE_S = 30
RATE_HZ = 48_000
EVENTS = ("accept", "ringing", "disconnect", "cancel", "reject", "error", "hold", "digit", "reconnecting",
          "reconnected", "transportClose")  # fmt: skip


def until(condition: Callable[[], object]) -> None:
    with gevent.Timeout(PATIENCE_S, AssertionError("it did not come about")):
        while not condition():
            gevent.sleep(0.02)


class Box:
    """A registered Device that says 440 Hz, and keeps what it hears."""

    def __init__(self, site: SipSite, bridge: Bridge, edges: list[int], **options: Any) -> None:
        self.incoming: list[Connection] = []
        self.told: list[str] = []
        self._heard: list[bytes] = []
        seconds = np.arange(RATE_HZ) / RATE_HZ
        tone = (9_000 * np.sin(2 * np.pi * 440 * seconds)).astype(np.int16).tobytes()
        self._sound = WavSound(tone, self._played, loop=True)
        self.device = Device()
        self.device.on("incoming", self._incoming)
        self.device.on("error", lambda error: self.told.append(f"device error {error}"))
        account = {"edges": [site.uri(edge) for edge in edges], "user": "box", "domain": DOMAIN, "secret": USERS["box"]}
        self.device.setup(protocol="sip", sip=account, bridge=bridge, sound=self._sound, ca_file=str(site.ca_file),
                          **options)  # fmt: skip
        until(lambda: self.device.status() == "ready")

    def follow(self, call: Connection) -> Connection:
        for name in EVENTS:
            call.on(name, lambda *args, name=name: self.told.append(
                f"{name} {args[0]}" if args and not isinstance(args[0], Connection) else name))  # fmt: skip
        return call

    def dial(self, whom: str, **params: str) -> Connection:
        return self.follow(self.device.connect({"To": whom, **params}))

    def next_call(self) -> Connection:
        before = len(self.incoming)
        until(lambda: len(self.incoming) > before)
        return self.incoming[-1]

    def until_hears(self, hz: int) -> None:
        """Wait until the loudest tone is this one."""
        self._heard.clear()
        until(lambda: abs(self._loudest() - hz) < 30)

    def close(self) -> None:
        stream = self.device.stream
        self.device.destroy()
        if stream is not None:
            stream.join(1.0)
        self._sound.close()

    def _incoming(self, call: Connection) -> None:
        self.incoming.append(self.follow(call))

    def _played(self, frame: bytes) -> None:
        self._heard.append(frame)
        del self._heard[:-25]

    def _loudest(self) -> float:
        pcm = np.frombuffer(b"".join(self._heard), np.int16).astype(float)
        if len(pcm) < RATE_HZ // 4 or np.sqrt(np.mean(pcm**2)) < 500:
            return 0.0
        return float(np.argmax(np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))) * RATE_HZ / len(pcm))


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    bridge = Bridge()
    yield bridge
    bridge.close()


@pytest.fixture
def box(one_edge: SipSite, bridge: Bridge) -> Iterator[Callable[..., Box]]:
    made: list[Box] = []

    def make(*edges: int, **options: Any) -> Box:
        made.append(Box(one_edge, bridge, list(edges) or [1], **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def until_nothing_is_left(site: SipSite) -> None:
    with gevent.Timeout(40, False):
        while site.transactions() or site.media():
            gevent.sleep(0.05)
    assert (site.transactions(), site.media()) == (0, 0)


def test_the_box_calls_a_phone_and_both_hear(
    one_edge: SipSite, box: Callable[..., Box], phone: Callable[..., SipPhone]
) -> None:
    kiosk, desk = box(), phone("desk", hz=700)
    call = kiosk.dial("desk", Door="front")
    until(lambda: call.status() == "open")
    kiosk.until_hears(700)
    desk.until_hears(440)
    call.send_digits("12#")
    desk.until(lambda: desk.digits == "12#", "heard the digits")
    desk.press("5")
    until(lambda: "digit 5" in kiosk.told)
    call.disconnect()
    desk.until_event("CALL_CLOSED")
    until_nothing_is_left(one_edge)
    assert not [told for told in kiosk.told if "error" in told]


def test_a_phone_calls_the_box_holds_it_and_hangs_up(
    one_edge: SipSite, box: Callable[..., Box], phone: Callable[..., SipPhone]
) -> None:
    kiosk, desk = box(), phone("desk", hz=700)
    desk.dial("box")
    call = kiosk.next_call()
    call.accept()
    until(lambda: call.status() == "open")
    kiosk.until_hears(700)
    desk.until_hears(440)
    desk.hold()
    until(lambda: "hold True" in kiosk.told)
    desk.resume()
    until(lambda: "hold False" in kiosk.told)
    kiosk.until_hears(700)
    call.send_digits("7")  # the phone writes down no more sound after a hold
    desk.until(lambda: desk.digits == "7", "heard the digit")
    desk.hang_up()
    until(lambda: call.status() == "closed")
    assert kiosk.told[-1] == "disconnect"
    until_nothing_is_left(one_edge)


def test_a_call_that_is_not_taken(
    one_edge: SipSite, box: Callable[..., Box], phone: Callable[..., SipPhone]
) -> None:
    kiosk, desk, lobby = box(), phone("desk"), phone("lobby", hz=500)
    desk.dial("box")
    kiosk.next_call().reject()
    desk.until_event("CALL_CLOSED")
    assert ("CALL_CLOSED", "603 Decline") in desk.events
    desk.dial("box")
    call = kiosk.next_call()
    desk.hang_up()
    until(lambda: call.status() == "closed")
    assert kiosk.told[-1] == "cancel"
    desk.dial("box")
    kiosk.next_call().accept()
    desk.until_event("CALL_ESTABLISHED")
    lobby.dial("box")
    lobby.until_event("CALL_CLOSED")
    assert ("CALL_CLOSED", "486 Busy Here") in lobby.events
    kiosk.device.disconnect_all()
    until_nothing_is_left(one_edge)


def test_an_edge_that_starts_again_costs_no_call(
    one_edge: SipSite, box: Callable[..., Box], phone: Callable[..., SipPhone]
) -> None:
    kiosk, desk = box(), phone("desk", hz=700)
    call = kiosk.dial("desk")
    until(lambda: call.status() == "open")
    one_edge.kill("edge1")
    until(lambda: "transportClose" in kiosk.told)
    kiosk.until_hears(700)
    one_edge.start("edge1")
    stream = kiosk.device.stream
    assert stream is not None
    until(lambda: stream.status == "ready")
    kiosk.until_hears(700)
    desk.until_hears(440)
    assert call.status() == "open"
    call.disconnect()
    desk.until_event("CALL_CLOSED")


def test_nobody_is_there(one_edge: SipSite, box: Callable[..., Box]) -> None:
    kiosk = box()
    call = kiosk.dial("nobody")
    until(lambda: call.status() == "closed")

    assert kiosk.told[-1] == "disconnect"
    until_nothing_is_left(one_edge)
