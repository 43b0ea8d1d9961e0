"""A Device that speaks SIP: how it is set up, what it does otherwise, and what it plainly refuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import gevent
import pytest

from agent import Device
from agent.errors import InvalidArgumentError, InvalidStateError, NotSupportedError, VoiceError
from agent.media.bridge import Bridge
from agent.signaling.sip.account import SipAccount

from .conftest import World
from .fakes import FakeStream

EDGE, OTHER_EDGE = "wss://pbx.example.org/ws", "wss://other.example.org/ws"
ACCOUNT: dict[str, Any] = {"edges": [EDGE], "user": "200", "domain": "pbx.example.org", "secret": "first"}


class SipWorld(World):
    """A PBX in the place of the service."""

    def __init__(self, **options: Any) -> None:
        self.accounts: list[SipAccount] = []
        own = {"protocol": "sip", "sip": ACCOUNT, "stream_factory": self._sip_stream, "generation": None}
        super().__init__(**(own | options))

    def _sip_stream(self, account: SipAccount, **options: Any) -> FakeStream:
        stream: Any = self._stream("", list(account.edges), **options)
        self.accounts.append(account)
        stream.use_account = self.accounts.append
        return stream


@pytest.fixture
def pbx() -> SipWorld:
    return SipWorld()


def test_a_device_registers_with_its_account_and_without_a_token(pbx: SipWorld) -> None:
    account = pbx.accounts[0]

    assert (account.address_of_record, account.password()) == ("sip:200@pbx.example.org", "first")
    assert account.edges == (EDGE,)
    assert pbx.device.status() == "ready"


def test_the_name_of_this_machine_is_the_same_in_each_device() -> None:
    assert SipWorld().accounts[0].instance == SipWorld().accounts[0].instance


def test_a_token_is_not_used() -> None:
    device = Device("a-token", protocol="sip", sip=ACCOUNT, no_register=True)

    assert device.token == ""
    device.destroy()


def test_a_registration_is_asked_for_once(pbx: SipWorld) -> None:
    pbx.run(600)

    assert pbx.stream.frames == [("register", {"media": {"audio": True}})]


def test_a_call_rides_on_over_a_lost_connection(pbx: SipWorld) -> None:
    call = pbx.talks()
    pbx.stream.emit("transport_close", {})
    pbx.run(120)

    assert call.status() == "open"


def test_a_call_whose_sound_is_gone_ends_in_words_of_no_other_service(pbx: SipWorld) -> None:
    call = pbx.talks()
    call.inbox.abandon()

    error = next(args[0] for _, name, args, _ in pbx.told if name == "error")
    assert (error.code, str(error)) == (31003, "31003: The sound of the call was interrupted.")
    assert ("hangup", {"callsid": "CA9", "message": "The sound of the call was interrupted."}) in pbx.stream.frames


def test_another_password_and_name_are_taken_without_another_connection(pbx: SipWorld) -> None:
    pbx.talks()
    pbx.device.update_options(sip={**ACCOUNT, "secret": "second", "display_name": "Gate"})

    assert len(pbx.streams) == 1
    assert (pbx.accounts[-1].password(), pbx.accounts[-1].display_name) == ("second", "Gate")


def test_what_sounds_before_the_answer_is_heard_unless_it_is_not_wanted(pbx: SipWorld) -> None:
    silent = SipWorld(enable_ringing_state=False)

    assert pbx.stream.options["early_media"] and pbx.device.options.enable_ringing_state
    assert not silent.stream.options["early_media"]
    silent.device.update_options(enable_ringing_state=True)
    assert silent.stream.early_media and len(silent.streams) == 1  # type: ignore[attr-defined]


def test_a_call_ends_with_a_stream_that_is_given_up(pbx: SipWorld) -> None:
    call = pbx.talks()

    pbx.device.vitals.replace_stream()
    pbx.run()

    assert call.status() == "closed" and len(pbx.streams) == 2
    assert pbx.device.active_connection() is None


def test_another_edge_waits_for_the_end_of_the_call(pbx: SipWorld) -> None:
    call = pbx.talks()
    with pytest.raises(InvalidStateError, match="cannot be changed while a call is active"):
        pbx.device.update_options(sip={**ACCOUNT, "edges": [OTHER_EDGE]})
    call.disconnect()
    pbx.device.update_options(sip={**ACCOUNT, "edges": [OTHER_EDGE]})

    assert pbx.accounts[-1].edges == (OTHER_EDGE,) and len(pbx.streams) == 2


def test_what_does_not_exist_with_sip_is_refused_and_says_what_to_do(pbx: SipWorld) -> None:
    call = pbx.talks()

    with pytest.raises(NotSupportedError, match=r"update_options\(sip=...\)"):
        pbx.device.update_token("another")
    with pytest.raises(NotSupportedError, match="no messages in a call by SIP"):
        call.send_message({"content": {}, "messageType": "user-defined-message"})


def test_nothing_is_reported_but_to_a_publisher_of_the_program(pbx: SipWorld) -> None:
    assert pbx.publisher.events == []

    told = SipWorld(publish_events=True)
    told.talks()

    assert told.publisher.events


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "option sip: it is missing"),
        ({"sip": {"edges": [EDGE]}}, "without user and domain"),
        ({"sip": {**ACCOUNT, "password": "x"}}, "unknown password; known are display_name, domain"),
        ({"sip": {**ACCOUNT, "edges": ["ws://pbx.example.org"]}}, "SIP account, edges"),
        ({"sip": {**ACCOUNT, "headers": {"X-A": "b\r\nVia: c"}}}, "SIP account, headers"),
        ({"sip": {**ACCOUNT, "headers": {"From": "b"}}}, "SIP account, headers"),
        ({"sip": {**ACCOUNT, "edges": 5}}, "another type"),
        ({"sip": {**ACCOUNT, "user": 200}}, "another type"),
        ({"sip": "sip:200@pbx.example.org"}, "option sip: .* is not allowed; give a mapping"),
        ({"sip": ACCOUNT, "edge": "dublin"}, "option edge: it has no meaning with SIP"),
        ({"sip": ACCOUNT, "chunderw": "box.lan:8443"}, "option chunderw: it has no meaning with SIP"),
        ({"sip": ACCOUNT, "call_store": object()}, "option call_store: it has no meaning with SIP"),
    ],
)
def test_an_account_that_cannot_be_used_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidArgumentError, match=told):
        Device(protocol="sip", **options)


def test_a_protocol_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r'option protocol: .* give the string "pstream", or "sip"'):
        Device("a-token", protocol="SIP")


def test_the_protocol_holds_until_the_device_is_destroyed(make_world: Callable[..., World]) -> None:
    with pytest.raises(InvalidArgumentError, match="option protocol: it holds until `destroy`"):
        make_world().device.setup(protocol="sip", sip=ACCOUNT)


def test_an_error_of_the_pbx_keeps_its_class(pbx: SipWorld) -> None:
    from agent.twilio_errors import ClientErrors

    pbx.stream.say("error", error={"code": 31404, "message": "Nobody there.", "twilioError": ClientErrors.NotFound()})
    pbx.run()

    error = pbx.told[-1][2][0]
    assert isinstance(error, VoiceError) and isinstance(error.twilio_error, ClientErrors.NotFound)


@pytest.mark.parametrize(("made", "is_told"), [(SipWorld, True), (World, False)])
def test_sip_peers_read_an_address_in_our_offer_since_none_means_hold_to_them(made: Any, is_told: bool) -> None:
    bridge = Bridge()
    world: World = made(media_factory=None, bridge=bridge)
    try:
        world.device.connect({"To": "bob"})
        with gevent.Timeout(30):
            while not (invites := [frame for name, frame in world.stream.frames if name == "invite"]):
                world.run()
                gevent.sleep(0.01)
        candidates = re.findall(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+)", invites[0]["sdp"], re.MULTILINE)
        (address,) = re.findall(r"^c=IN IP[46] (\S+)\r$", invites[0]["sdp"], re.MULTILINE)
        (port,) = re.findall(r"^m=audio (\d+) ", invites[0]["sdp"], re.MULTILINE)
        assert ((address, port) == candidates[0]) is is_told
        assert ((address, port) == ("0.0.0.0", "9")) is not is_told
    finally:
        world.device.destroy()
        bridge.close()
