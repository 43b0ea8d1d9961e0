"""What only a PBX does to a call of a Device: hold, keys as messages, offers on request, forks, a busy answer."""

from __future__ import annotations

from typing import Any

import pytest

from agent import Connection
from agent.errors import SdpError
from agent.twilio_errors import ClientErrors

from .test_sip_device import SipWorld


class PbxWorld(SipWorld):
    """A PBX whose stream takes words that the voice service has none for."""

    def _sip_stream(self, account: Any, **options: Any) -> Any:
        stream: Any = super()._sip_stream(account, **options)
        stream.decline = lambda callsid, why: stream.frames.append(("decline", {"callsid": callsid, "why": why}))
        stream.keeps_hangups = True
        return stream

    def frames(self, name: str) -> list[dict[str, Any]]:
        return [payload for said, payload in self.stream.frames if said == name]

    def heard(self, call: Connection, event: str) -> list[Any]:
        told: list[Any] = []
        call.on(event, lambda *args: told.append(args[0] if args else None))
        return told


@pytest.fixture
def pbx() -> PbxWorld:
    return PbxWorld()


def test_a_hold_shows(pbx: PbxWorld) -> None:
    call = pbx.talks()
    held = pbx.heard(call, "hold")
    pbx.stream.say("hold", callsid="CA9", held=True)
    pbx.stream.say("hold", callsid="CA9", held=False)
    pbx.stream.say("hold", callsid="another", held=True)

    assert held == [True, False]
    assert call.status() == "open"


def test_a_key_that_signaling_carried_is_a_digit(pbx: PbxWorld) -> None:
    call = pbx.talks()
    digits = pbx.heard(call, "digit")
    pbx.stream.say("digit", callsid="CA9", digit="#")

    assert digits == ["#"]


def test_keys_go_by_signaling_only_where_the_sound_cannot_carry_them(pbx: PbxWorld) -> None:
    call = pbx.talks()
    call.send_digits("1")
    assert pbx.frames("dtmf") == []
    pbx.session.can_insert_dtmf = False
    call.send_digits("2w3")
    assert [frame["dtmf"] for frame in pbx.frames("dtmf")] == ["2w3"]


def test_a_caller_who_finds_the_box_busy_is_told(pbx: PbxWorld) -> None:
    pbx.talks()
    pbx.stream.say("invite", callsid="CA2", sdp="far offer", parameters={})

    assert pbx.frames("decline") == [{"callsid": "CA2", "why": "busy"}]


def test_so_is_one_too_many(pbx: PbxWorld) -> None:
    for n in range(18):
        pbx.stream.say("invite", callsid=f"CA{n}", sdp="far offer", parameters={})
    pbx.run()

    assert pbx.frames("decline") == [{"callsid": "CA16", "why": "too_many"}, {"callsid": "CA17", "why": "too_many"}]


def test_a_call_that_was_taken_elsewhere_says_so(pbx: PbxWorld) -> None:
    call, other = pbx.rings("CA1"), pbx.rings("CA2")
    pbx.stream.say("cancel", callsid="CA1", elsewhere=True)
    pbx.stream.say("cancel", callsid="CA2")

    assert (call.answered_elsewhere, other.answered_elsewhere) == (True, False)
    assert call.status() == other.status() == "closed"


def test_a_call_without_an_offer_gets_ours_and_opens_with_the_answer(pbx: PbxWorld) -> None:
    pbx.stream.say("invite", callsid="CA1", sdp="", wants_offer=True, parameters={"From": "sip:bob@pbx"})
    pbx.run()
    call = pbx.calls[-1]
    call.accept()
    pbx.run()
    assert [frame["sdp"] for frame in pbx.frames("answer")] == ["own offer 1"]
    assert call.status() == "connecting"
    pbx.stream.say("answer", callsid="CA1", sdp="far answer")
    pbx.run()

    assert pbx.session.applied == ["far answer"]
    assert call.status() == "open"


def test_a_call_without_an_offer_whose_answer_cannot_be_used_ends(pbx: PbxWorld) -> None:
    pbx.stream.say("invite", callsid="CA1", sdp="", wants_offer=True, parameters={})
    pbx.run()
    call = pbx.calls[-1]
    call.accept()
    pbx.run()
    pbx.session.failures["apply_answer"] = SdpError("it is not one")
    pbx.stream.say("answer", callsid="CA1", sdp="nonsense")
    pbx.run()

    assert call.status() == "closed"
    assert pbx.frames("hangup")


def test_an_offer_that_cannot_be_used_is_declined(pbx: PbxWorld) -> None:
    pbx.next_session = lambda session: session.failures.update(answer_offer=SdpError("no sound in it"))
    call = pbx.rings("CA1")
    call.accept()
    pbx.run()

    assert pbx.frames("decline") == [{"callsid": "CA1", "why": "unusable"}]
    assert call.status() == "closed"


def test_so_is_a_new_one_within_a_call_which_goes_on(pbx: PbxWorld) -> None:
    call = pbx.talks()
    pbx.session.failures["answer_offer"] = SdpError("no sound in it")
    pbx.stream.say("invite", callsid="CA9", sdp="far video")
    pbx.run()

    assert pbx.frames("decline") == [{"callsid": "CA9", "why": "unusable"}]
    assert call.status() == "open"


def test_within_a_call_our_offer_may_be_asked_for(pbx: PbxWorld) -> None:
    call = pbx.talks()
    pbx.forget()
    pbx.stream.say("invite", callsid="CA9", sdp="", wants_offer=True)
    pbx.run()
    assert [frame["sdp"] for frame in pbx.frames("reinvite")] == ["own offer 2"]
    pbx.stream.say("answer", callsid="CA9", sdp="far answer again")
    pbx.run()

    assert pbx.session.applied == ["far answer", "far answer again"]
    assert call.status() == "open"


def test_a_new_offer_of_theirs_may_take_the_place_of_ours(pbx: PbxWorld) -> None:
    call = pbx.talks()
    pbx.session.path("failed")
    pbx.run(1)
    assert pbx.session.signaling_state == "have-local-offer"
    pbx.stream.say("invite", callsid="CA9", sdp="far offer")
    pbx.run()
    assert pbx.frames("answer") == []
    pbx.stream.say("invite", callsid="CA9", sdp="far offer", instead=True)
    pbx.run()

    assert [frame["sdp"] for frame in pbx.frames("answer")] == ["own restart answer"]
    assert pbx.session.signaling_state == "stable"
    assert call.status() == "reconnecting"


def test_a_refused_offer_is_taken_back(pbx: PbxWorld) -> None:
    call = pbx.talks()
    pbx.session.path("failed")
    pbx.run(1)
    pbx.stream.say("offer_refused", callsid="CA9")
    pbx.run()

    assert pbx.session.signaling_state == "stable"
    assert call.status() == "reconnecting"


def test_another_machine_at_the_far_end_is_looked_for_anew(pbx: PbxWorld) -> None:
    call = pbx.talks()
    pbx.forget()
    pbx.stream.say("peer_changed", callsid="CA9")
    pbx.run(1)

    assert call.status() == "reconnecting"
    assert pbx.frames("reinvite")


def test_the_phone_that_answers_is_heard_after_another_one_that_rang(pbx: PbxWorld) -> None:
    pbx.device.update_options(enable_ringing_state=True)
    call = pbx.device.connect({"To": "bob"})
    pbx.run()
    pbx.stream.say("ringing", callsid="CA9", sdp="first phone")
    pbx.run()
    assert call.status() == "ringing"
    pbx.stream.say("answer", callsid="CA9", sdp="second phone", fork=True)
    pbx.run()

    assert pbx.session.applied == ["first phone", "second phone"]
    assert call.status() == "open"


def test_the_same_phone_is_not_applied_twice(pbx: PbxWorld) -> None:
    pbx.device.update_options(enable_ringing_state=True)
    call = pbx.device.connect({"To": "bob"})
    pbx.run()
    pbx.stream.say("ringing", callsid="CA9", sdp="first phone")
    pbx.run()
    pbx.stream.say("answer", callsid="CA9", sdp="first phone")
    pbx.run()

    assert pbx.session.applied == ["first phone"]
    assert call.status() == "open"


def test_a_hang_up_while_the_connection_is_lost_reaches_the_stream(pbx: PbxWorld) -> None:
    call = pbx.talks()
    pbx.stream.status = "disconnected"
    pbx.stream.emit("transport_close", {})
    call.disconnect()

    assert pbx.frames("hangup") == [{"callsid": "CA9"}]


BUSY = {"code": 31486, "message": "Busy (486 Busy Here).", "twilioError": ClientErrors.BusyHere()}


@pytest.mark.parametrize(("as_errors", "told"), [(False, []), (True, [31486])])
def test_a_program_can_tell_how_a_call_was_not_taken(pbx: PbxWorld, as_errors: bool, told: list[int]) -> None:
    pbx.device.update_options(refusals_as_errors=as_errors)
    call = pbx.device.connect({"To": "bob"})
    errors = pbx.heard(call, "error")
    seen = pbx.heard(call, "disconnect")
    statuses: list[int | None] = []
    call.on("disconnect", lambda call: statuses.append(call.sip_status))
    pbx.run()
    pbx.stream.say("hangup", callsid=call.outbound_connection_id, status=486, refusal=BUSY)
    pbx.run()

    assert [error.code for error in errors] == told
    assert all(error.twilio_error.code == 31486 for error in errors)
    assert statuses == [486] and len(seen) == 1


def test_a_call_that_was_answered_has_no_such_status(pbx: PbxWorld) -> None:
    call = pbx.talks()
    pbx.stream.say("hangup", callsid="CA9")

    assert call.status() == "closed" and call.sip_status is None
