"""What a box says in each situation that was recorded of JsSIP in Chromium, message by message at the edge.

The recordings were made at an edge of the same kind: what they hold is the order of messages on the client's leg. Ours
differs in three ways, on purpose: it sends no 100 of its own (on WebSockets nothing is repeated, RFC 7118), it refuses
a call at once, without 180, when it is busy, and after a lost connection it repeats the ACK that may have gone down
with it and asks for each call anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gevent
import pytest

from bench.rig import sip_trunk
from bench.rig.sip_box import SipBox, until
from bench.rig.sip_phone import SipPhone
from bench.rig.sip_site import SipSite
from bench.rig.sip_trunk import Trunk

pytestmark = pytest.mark.sip_site

ASKED = ">INVITE <407/INVITE >ACK >INVITE <100/INVITE"
RUNG = f"{ASKED} <180/INVITE"
OPEN = f"{RUNG} <200/INVITE >ACK"
CALLED = "<INVITE >180/INVITE"
TAKEN = f"{CALLED} >200/INVITE <ACK"
RENEWED = ">INVITE <100/INVITE <200/INVITE >ACK"

Boxes = Callable[..., SipBox]
Phones = Callable[..., SipPhone]


class Wire:
    """What the edge sees of the box from now on, but for registrations."""

    def __init__(self, site: SipSite) -> None:
        self._site = site
        self._before = len(site.wire())

    def steps(self) -> str:
        """The order of its messages."""
        return " ".join(each.step for each in self._site.wire()[self._before :] if "REGISTER" not in each.step)

    def until(self, *expected: str) -> None:
        """Wait until the order is one of these, and see that nothing comes after it."""
        with gevent.Timeout(15, False):
            while self.steps() not in expected:
                gevent.sleep(0.05)
        assert self.steps() in expected


@pytest.fixture
def kiosk(box: Boxes) -> SipBox:
    return box(enable_ringing_state=True)


@pytest.fixture
def wire(one_edge: SipSite, kiosk: SipBox) -> Iterator[Wire]:
    yield Wire(one_edge)
    kiosk.device.disconnect_all()


def test_a_call_that_we_end(kiosk: SipBox, wire: Wire, phone: Phones, one_edge: SipSite) -> None:
    phone("desk")
    call = kiosk.dial("desk", Door="front", Unit="4b")
    kiosk.until_told("accept")
    call.disconnect()
    wire.until(f"{OPEN} >BYE <200/BYE")
    invite = next(each.text for each in reversed(one_edge.wire()) if each.step == ">INVITE")
    assert "X-Door: front" in invite and "X-Unit: 4b" in invite
    assert ";gr=urn:uuid:" in invite.partition("Contact:")[2].splitlines()[0]


def test_a_call_that_the_phone_ends(kiosk: SipBox, wire: Wire, phone: Phones) -> None:
    desk = phone("desk")
    kiosk.dial("desk")
    desk.until_event("CALL_ESTABLISHED")
    desk.hang_up()
    wire.until(f"{OPEN} <BYE >200/BYE")


@pytest.mark.parametrize("status", ["486 Busy Here", "603 Decline"])
def test_a_call_that_is_refused(kiosk: SipBox, wire: Wire, one_edge: SipSite, status: str) -> None:
    with Trunk(one_edge, sip_trunk.refuses(status)) as trunk:
        kiosk.dial("9001")
        kiosk.until_told("disconnect")
        wire.until(f"{RUNG} <{status[:3]}/INVITE >ACK")
        trunk.until_done()


def test_a_call_to_nobody(kiosk: SipBox, wire: Wire) -> None:
    kiosk.dial("nobody")
    wire.until(">INVITE <407/INVITE >ACK >INVITE <480/INVITE >ACK")


def test_a_call_that_we_take_back(kiosk: SipBox, wire: Wire, one_edge: SipSite) -> None:
    with Trunk(one_edge, sip_trunk.rings()) as trunk:
        call = kiosk.dial("9001")
        kiosk.until_told("ringing False")
        call.disconnect()
        wire.until(f"{RUNG} >CANCEL <200/CANCEL <487/INVITE >ACK")
        trunk.until_done()


def test_a_call_with_sound_before_the_answer(kiosk: SipBox, wire: Wire, one_edge: SipSite) -> None:
    with Trunk(one_edge, sip_trunk.takes(early_ms=500)):
        call = kiosk.dial("9001")
        kiosk.until_told("ringing True")
        assert "accept" not in kiosk.told
        kiosk.until_told("accept")
        call.disconnect()
        wire.until(f"{ASKED} <183/INVITE <200/INVITE >ACK >BYE <200/BYE")


def test_a_call_that_nobody_answers(kiosk: SipBox, wire: Wire, one_edge: SipSite) -> None:
    with Trunk(one_edge, sip_trunk.rings()):
        kiosk.dial("9001")
        wire.until(f"{RUNG} <408/INVITE >ACK")
        kiosk.until_told("disconnect")


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_a_call_of_one_codec_that_the_caller_ends(
    kiosk: SipBox, wire: Wire, one_edge: SipSite, codec: str
) -> None:
    kiosk.device.on("incoming", lambda call: call.accept())
    with Trunk(one_edge, sip_trunk.calls("box", codec=codec, headers="X-Door: front\n")) as trunk:
        trunk.until_done()
    wire.until(f"{TAKEN} <BYE >200/BYE")
    assert kiosk.incoming[0].custom_parameters == {"Door": "front"}


def test_a_call_that_we_refuse(kiosk: SipBox, wire: Wire, phone: Phones) -> None:
    phone("desk").dial("box")
    kiosk.next_call().reject()
    wire.until(f"{CALLED} >603/INVITE <ACK")


def test_a_call_that_the_caller_takes_back(kiosk: SipBox, wire: Wire, phone: Phones) -> None:
    desk = phone("desk")
    desk.dial("box")
    kiosk.next_call()
    desk.hang_up()
    kiosk.until_told("cancel")
    wire.until(f"{CALLED} <CANCEL >200/CANCEL >487/INVITE <ACK", f"{CALLED} <CANCEL >487/INVITE >200/CANCEL <ACK")


def test_a_call_that_we_ignore_rings_on(kiosk: SipBox, wire: Wire, phone: Phones) -> None:
    desk = phone("desk")
    desk.dial("box")
    kiosk.next_call().ignore()
    wire.until(CALLED)
    desk.hang_up()
    wire.until(f"{CALLED} <CANCEL >200/CANCEL >487/INVITE <ACK", f"{CALLED} <CANCEL >487/INVITE >200/CANCEL <ACK")


def test_a_call_while_we_are_in_one(kiosk: SipBox, wire: Wire, phone: Phones) -> None:
    desk, lobby = phone("desk"), phone("lobby")
    call = kiosk.dial("desk")
    desk.until_event("CALL_ESTABLISHED")
    lobby.dial("box")
    lobby.until_event("CALL_CLOSED")
    call.disconnect()
    wire.until(f"{OPEN} <INVITE >486/INVITE <ACK >BYE <200/BYE")


def test_a_call_that_the_phone_holds(kiosk: SipBox, wire: Wire, phone: Phones) -> None:
    desk = phone("desk")
    desk.dial("box")
    kiosk.next_call().accept()
    desk.until_event("CALL_ESTABLISHED")
    desk.hold()
    kiosk.until_told("hold True")
    desk.resume()
    kiosk.until_told("hold False")
    desk.hang_up()
    kiosk.until_told("disconnect")
    held = "<INVITE >200/INVITE <ACK"
    wire.until(f"{TAKEN} {held} {held} <BYE >200/BYE")


def test_a_call_whose_connection_is_lost(kiosk: SipBox, wire: Wire, phone: Phones, one_edge: SipSite) -> None:
    desk = phone("desk", hz=700)
    kiosk.dial("desk")
    desk.until_event("CALL_ESTABLISHED")
    one_edge.drop_connections()
    kiosk.until_told("transportClose")
    wire.until(f"{OPEN} >ACK {RENEWED}")  # a browser asks nothing, and does not know whether the call is still there
    desk.hang_up()
    wire.until(f"{OPEN} >ACK {RENEWED} <BYE >200/BYE")


def test_a_goodbye_that_came_while_the_connection_was_lost(
    kiosk: SipBox, wire: Wire, phone: Phones, one_edge: SipSite
) -> None:
    desk = phone("desk", hz=700)
    kiosk.dial("desk")
    desk.until_event("CALL_ESTABLISHED")
    with one_edge.no_way_for_signaling():
        kiosk.until_told("transportClose")
        desk.hang_up()
        desk.until_event("CALL_CLOSED")
    kiosk.until_told("disconnect")
    wire.until(f"{OPEN} >ACK >INVITE <100/INVITE <481/INVITE >ACK")


def test_a_call_that_another_box_of_the_user_takes(
    kiosk: SipBox, box: Boxes, phone: Phones, one_edge: SipSite
) -> None:
    until(lambda: one_edge.registered().count("box") == 1, "one box")
    other = box(instance="2b9a4a1e-7d55-4f6e-9d8b-0d6f4d3f9c11")
    until(lambda: one_edge.registered().count("box") == 2, "both boxes")
    desk = phone("desk", hz=700)
    desk.dial("box")
    kiosk.next_call()
    until(lambda: other.incoming, "a call")
    other.incoming[-1].accept()
    kiosk.until_told("cancel")
    other.until_hears(700)
    desk.hang_up()
    other.until_told("disconnect")
    cancel = next(each.text for each in reversed(one_edge.wire()) if each.step == "<CANCEL")
    assert "completed elsewhere" in cancel
