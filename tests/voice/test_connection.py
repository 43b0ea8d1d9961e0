"""Calls from their first ring to their end, against a server that the test plays."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.errors import CaptureDeniedError, CaptureError, InvalidArgumentError, InvalidStateError, SdpError
from agent.voice.connection import Connection
from hw.panel.actions import ISSUES

from .conftest import World
from .fakes import FakeSession, held


def test_an_incoming_call_is_announced_with_what_the_server_says_of_it(world: World) -> None:
    call = world.rings(Params="room=lobby&note=a+b", StirStatus="TN-Validation-Passed-A")

    assert world.events[-1] == "device incoming"
    assert (call.status(), call.direction) == ("pending", "INCOMING")
    assert call.parameters["From"] == "client:bob"
    assert call.parameters["CallSid"] == "CA1"
    assert call.custom_parameters == {"room": "lobby", "note": "a b"}
    assert call.caller_info == {"isVerified": True}
    assert world.device.connections == [call]


def test_accepting_answers_after_the_call_is_open(world: World) -> None:
    call = world.rings()
    world.forget()

    call.accept()
    assert call.status() == "connecting"
    world.run()

    assert world.events == ["call audio", "call accept", "device connect"]
    assert world.stream.frames == [("answer", {"sdp": "own answer", "callsid": "CA1"})]
    assert (call.status(), world.device.status()) == ("open", "busy")
    assert world.device.connections == []


def test_the_call_is_open_for_its_own_listeners_before_the_answer_goes_out(world: World) -> None:
    call = world.rings()
    frames_at_accept: list[int] = []
    call.on("accept", lambda _call: frames_at_accept.append(len(world.stream.sent("answer"))))

    call.accept()
    world.run()

    assert frames_at_accept == [0]


def test_accepting_twice_answers_once(world: World) -> None:
    call = world.rings()

    call.accept()
    call.accept()
    world.run()
    call.accept()
    world.run()

    assert world.stream.sent("answer") == ["answer"]


def test_rejecting_tells_the_server_and_only_the_calls_own_listeners(world: World) -> None:
    call = world.rings()
    world.forget()

    call.reject()
    world.run()

    assert world.stream.frames == [("reject", {"callsid": "CA1"})]
    assert world.events == ["call reject"]
    assert (call.status(), world.device.connections) == ("closed", [])


def test_ignoring_tells_nobody_outside(world: World) -> None:
    call = world.rings()
    world.forget()

    call.ignore()
    world.run()

    assert world.stream.frames == []
    assert world.events == ["call cancel", "device cancel"]


def test_an_ignored_call_is_not_cancelled_again(world: World) -> None:
    call = world.rings()
    call.ignore()
    world.run()
    world.forget()

    world.stream.say("cancel", callsid="CA1")
    world.run()

    assert world.events == []


def test_a_caller_who_gives_up_cancels_the_call(world: World) -> None:
    call = world.rings()
    world.forget()

    world.stream.say("cancel", callsid="CA1")
    world.run()

    assert world.events == ["call cancel", "device cancel"]
    assert call.status() == "closed"


def test_a_cancel_for_another_call_changes_nothing(world: World) -> None:
    call = world.rings()

    world.stream.say("cancel", callsid="CA2")
    world.stream.say("cancel")
    world.run()

    assert call.status() == "pending"


def test_an_open_call_can_be_cancelled_and_then_gives_no_disconnect(world: World) -> None:
    call = world.rings()
    call.accept()
    world.run()
    world.forget()

    world.stream.say("cancel", callsid="CA1")
    world.run()

    assert world.events == ["call cancel", "device cancel"]
    assert world.session.closed


def test_an_outgoing_call_invites_with_its_parameters_once_the_offer_is_made(world: World) -> None:
    call = world.device.connect({"To": "bob", "note": "a b", "vip": True})
    assert (call.status(), world.device.status()) == ("connecting", "busy")
    world.run()

    assert world.stream.last("invite") == {
        "callsid": call.outbound_connection_id,
        "sdp": "own offer 1",
        "preflight": False,
        "twilio": {"params": "To=bob&note=a%20b&vip=true"},
    }
    assert call.outbound_connection_id.startswith("TJS")
    assert call.custom_parameters == {"To": "bob", "note": "a b", "vip": "true"}
    assert call.caller_info is None


def test_an_answer_opens_the_outgoing_call(world: World) -> None:
    call = world.device.connect({"To": "bob"})
    world.run()
    world.forget()

    world.stream.say("ringing", callsid="CA9")
    assert call.status() == "connecting"
    world.stream.say("answer", callsid="CA9", sdp="far answer")
    world.run()

    assert world.events == ["call accept", "call audio", "device connect"]
    assert call.parameters == {"CallSid": "CA9"}
    assert world.session.applied == ["far answer"]


def test_ringing_is_a_state_only_where_it_was_asked_for(make_world: Callable[..., World]) -> None:
    world = make_world(enable_ringing_state=True)
    call = world.device.connect({"To": "bob"})
    world.run()
    world.forget()

    world.stream.say("ringing", callsid="CA9")

    assert call.status() == "ringing"
    assert world.told == [("call", "ringing", (False,), "ringing")]


def test_early_media_without_the_ringing_state_counts_as_an_answer(world: World) -> None:
    call = world.device.connect({"To": "bob"})
    world.run()

    world.stream.say("ringing", callsid="CA9", sdp="early answer")
    world.run()
    world.stream.say("answer", callsid="CA9", sdp="late answer")
    world.run()

    assert call.status() == "open"
    assert world.session.applied == ["early answer"]
    assert world.events.count("call accept") == 1


def test_early_media_in_the_ringing_state_is_heard_and_the_answer_opens_the_call(
    make_world: Callable[..., World],
) -> None:
    world = make_world(enable_ringing_state=True)
    call = world.device.connect({"To": "bob"})
    world.run()
    world.forget()

    world.stream.say("ringing", callsid="CA9", sdp="early answer")
    world.run()
    assert (call.status(), world.events) == ("ringing", ["call ringing", "call audio"])
    world.stream.say("answer", callsid="CA9", sdp="late answer")

    assert call.status() == "open"
    assert world.session.applied == ["early answer"]


def test_hanging_up_says_so_and_closes_the_media(world: World) -> None:
    call = world.talks()
    world.forget()

    call.disconnect()
    assert world.events == ["call disconnect"]
    assert world.device.status() == "ready"
    world.run()

    assert world.stream.frames == [("hangup", {"callsid": "CA9"})]
    assert world.events == ["call disconnect", "device disconnect"]
    assert world.session.closed


def test_hanging_up_before_the_server_named_the_call_uses_the_temporary_name(world: World) -> None:
    call = world.device.connect({"To": "bob"})
    world.run()

    call.disconnect()

    assert world.stream.last("hangup") == {"callsid": call.outbound_connection_id}


def test_hanging_up_while_signaling_is_down_stays_local(world: World) -> None:
    call = world.talks()
    world.stream.lose()
    world.forget()

    call.disconnect()
    world.run()

    assert world.stream.frames == []
    assert world.events == ["call disconnect", "device disconnect"]


def test_a_pending_call_cannot_be_disconnected(world: World) -> None:
    call = world.rings()

    call.disconnect()

    assert call.status() == "pending"


def test_the_far_side_hanging_up_ends_the_call_without_an_answer(world: World) -> None:
    call = world.talks()
    world.forget()

    world.stream.say("hangup", callsid="CA9")
    world.run()

    assert world.events == ["call disconnect", "device disconnect"]
    assert world.stream.frames == []
    assert call.status() == "closed"


def test_a_refused_call_tells_why_while_it_is_still_up(world: World) -> None:
    call = world.device.connect({"To": "bob"})
    world.run()
    world.stream.say("ringing", callsid="CA9")
    world.forget()

    world.stream.say("hangup", callsid="CA9", error={"code": 31486, "message": "Busy Here"})
    world.run()

    assert world.events == ["call error", "call disconnect", "device error", "device disconnect"]
    _, _, (error,), status = world.told[0]
    assert (error.code, error.message, error.connection, status) == (31486, "Busy Here", call, "connecting")
    assert error.twilio_error.code == 31005


def test_a_hangup_for_another_call_changes_nothing(world: World) -> None:
    call = world.talks()

    world.stream.say("hangup", callsid="CA2")

    assert call.status() == "open"


def test_a_hangup_without_a_name_ends_every_call_but_the_pending_ones(make_world: Callable[..., World]) -> None:
    world = make_world(allow_incoming_while_busy=True)
    call = world.talks()
    waiting = world.rings()

    world.stream.say("hangup")
    world.run()

    assert (call.status(), waiting.status()) == ("closed", "pending")


def test_muting_is_told_once_per_change(world: World) -> None:
    call = world.talks()
    world.forget()

    call.mute()
    call.mute(True)
    call.mute(False)

    assert [args for _, _, args, _ in world.told] == [(True, call), (False, call)]
    assert not world.session.muted
    assert world.publisher.named("connection")[-2:] == ["muted", "unmuted"]


def test_a_mute_before_the_call_is_open_is_kept(world: World) -> None:
    call = world.rings()
    call.mute()

    call.accept()
    world.run()

    assert call.is_muted()
    assert world.session.muted
    assert [name for _, name, _, _ in world.told if name == "mute"] == ["mute"]


def test_a_microphone_that_may_not_be_used_ends_the_call_with_31208(world: World) -> None:
    world.next_session = lambda session: session.failures.update(open_capture=CaptureDeniedError("not in the group"))
    call = world.device.connect({"To": "bob"})
    world.forget()
    world.run()

    assert world.events == ["call disconnect", "call error", "device disconnect", "device error"]
    assert world.told[1][2][0].code == 31208
    assert world.stream.frames == [("hangup", {"callsid": call.outbound_connection_id})]
    assert "denied" in world.publisher.named("get-user-media")


def end_while_the_microphone_opens(world: World, refusal: Exception) -> Connection:
    """What becomes of the microphone is told after the end of the call."""
    gate = held(world, refusal)
    call = world.device.connect({"To": "bob"})
    world.run()
    call.disconnect()
    world.run()
    world.forget()
    gate.set()
    world.run()
    return call


def test_a_microphone_that_is_refused_after_the_end_of_the_call_is_told_all_the_same(world: World) -> None:
    call = end_while_the_microphone_opens(world, CaptureDeniedError("no"))

    assert (world.events, call.status()) == (["call error", "device error"], "closed")
    assert world.told[0][2][0].code == 31208
    assert "denied" in world.publisher.named("get-user-media")


def test_what_a_session_refuses_because_its_call_is_over_is_no_error(world: World) -> None:
    end_while_the_microphone_opens(world, InvalidStateError("closed"))

    assert (world.events, world.session.closed) == ([], True)


def test_another_failure_of_the_microphone_is_31201(world: World) -> None:
    world.next_session = lambda session: session.failures.update(open_capture=CaptureError("broken"))
    world.device.connect({"To": "bob"})
    world.run()

    assert [args[0].code for whom, name, args, _ in world.told if name == "error" and whom == "call"] == [31201]


def test_a_call_that_ends_while_the_microphone_opens_sends_no_invite(world: World) -> None:
    gate = held(world)
    call = world.device.connect({"To": "bob"})
    world.run()

    call.disconnect()
    gate.set()
    world.run()

    assert "invite" not in world.stream.sent()
    assert world.session.closed
    assert call.status() == "closed"


def test_accepting_while_signaling_is_down_fails_with_31000(world: World) -> None:
    call = world.rings()
    world.stream.lose()
    world.forget()

    call.accept()
    world.run()

    assert world.events == ["call error", "call disconnect", "device error", "device disconnect"]
    _, _, (error,), status = world.told[0]
    assert (error.code, error.twilio_error.code, status) == (31000, 53001, "connecting")
    assert world.stream.frames == []


@pytest.mark.parametrize(
    ("step", "klass"),
    [("create_offer", 53400), ("apply_answer", 53402)],
)
def test_an_outgoing_call_that_cannot_be_negotiated_ends(world: World, step: str, klass: int) -> None:
    world.next_session = lambda session: session.failures.update({step: SdpError("no audio")})
    call = world.device.connect({"To": "bob"})
    world.run()
    world.stream.say("answer", callsid="CA9", sdp="far answer")
    world.run()

    errors = [args[0] for whom, name, args, _ in world.told if (whom, name) == ("call", "error")]
    assert [(error.code, error.twilio_error.code) for error in errors] == [(31000, klass)]
    assert call.status() == "closed"


def test_an_offer_that_cannot_be_answered_ends_the_call(world: World) -> None:
    world.next_session = lambda session: session.failures.update(answer_offer=SdpError("no audio"))
    call = world.rings()

    call.accept()
    world.run()

    errors = [args[0] for whom, name, args, _ in world.told if (whom, name) == ("call", "error")]
    assert [(error.code, error.twilio_error.code) for error in errors] == [(31000, 53402)]
    assert (call.status(), world.stream.sent("answer", "hangup")) == ("closed", ["hangup"])


def test_a_lost_socket_is_told_and_leaves_the_call_alone(world: World) -> None:
    call = world.talks()
    world.forget()

    world.stream.lose()
    world.run()

    assert world.events == ["call transportClose", "device offline"]
    assert call.status() == "open"


def test_a_pending_call_leaves_the_device_with_its_socket(world: World) -> None:
    call = world.rings()

    world.stream.lose()

    assert world.device.connections == []
    assert call.status() == "pending"


def test_digits_go_into_the_audio_with_pauses_after_their_tones(world: World) -> None:
    call = world.talks()

    call.send_digits("12w#")
    assert world.session.inserted == ["12"]
    world.run(0.9)
    assert world.session.inserted == ["12"]
    world.run(0.1)

    assert world.session.inserted == ["12", "#"]


def test_digits_follow_those_still_under_way(world: World) -> None:
    call = world.talks()

    call.send_digits("123")
    call.send_digits("4")
    assert world.session.inserted == ["123"]
    world.run(0.7)

    assert world.session.inserted == ["123", "4"]


def test_digits_go_as_a_message_where_the_audio_cannot_carry_them(world: World) -> None:
    call = world.talks()
    world.session.can_insert_dtmf = False

    call.send_digits("1w2")

    assert world.stream.last("dtmf") == {"callsid": "CA9", "dtmf": "1w2"}


def test_digits_that_nothing_can_carry_are_an_error(world: World) -> None:
    call = world.talks()
    world.session.can_insert_dtmf = False
    world.stream.lose()
    world.forget()

    call.send_digits("1")

    assert [(name, args[0].code) for _, name, args, _ in world.told] == [("error", 31000)]
    assert call.status() == "open"


@pytest.mark.parametrize("digits", ["foo", "87309870934z", "09-823-", "ABC", "9 9", 5, None])
def test_other_digits_are_refused(world: World, digits: str) -> None:
    call = world.talks()

    with pytest.raises(InvalidArgumentError, match="argument digits"):
        call.send_digits(digits)

    assert world.session.inserted == []


def test_digits_need_media(world: World) -> None:
    with pytest.raises(InvalidStateError):
        world.rings().send_digits("1")


def test_a_received_digit_is_an_event(world: World) -> None:
    world.talks()
    world.forget()

    world.session.emit("digit", "5")

    assert world.told[0][:3] == ("call", "digit", ("5",))


@pytest.mark.parametrize("score", [1, 2, 3, 4, 5])
def test_feedback_is_reported(world: World, score: int) -> None:
    call = world.talks()

    assert call.post_feedback(score, "dropped-call") == "posted"

    level, group, name, payload = world.publisher.events[-1]
    assert (level, group, name) == ("INFO", "feedback", "received")
    assert (payload["quality_score"], payload["issue_name"]) == (score, "dropped-call")


@pytest.mark.parametrize("issue", ISSUES)
def test_an_issue_that_a_button_may_name_is_reported(world: World, issue: str) -> None:
    assert world.talks().post_feedback(2, issue) == "posted"


def test_feedback_is_taken_at_once_where_nothing_is_reported() -> None:
    call = World(publisher_factory=lambda token: None).talks()

    assert call.post_feedback(5).get(timeout=0) is None


def test_no_feedback_is_reported_too(world: World) -> None:
    world.talks().post_feedback()

    assert world.publisher.named("feedback") == ["received-none"]


@pytest.mark.parametrize(("score", "issue"), [(0, None), (6, None), ("One", None), (True, None), (3, "bogus")])
def test_other_feedback_is_refused(world: World, score: int, issue: str | None) -> None:
    call = world.talks()

    with pytest.raises(InvalidArgumentError, match="must be one of"):
        call.post_feedback(score, issue)


def test_streams_exist_from_the_capture_on(world: World) -> None:
    call = world.rings()
    assert (call.get_local_stream(), call.get_remote_stream()) == (None, None)

    call.accept()
    world.run()

    assert call.get_local_stream() is world.session.local_stream
    assert call.get_remote_stream() is world.session.remote_stream


def test_deprecated_members_do_what_they_did(world: World) -> None:
    call = world.rings()
    heard: list[str] = []
    call.accept(lambda _call: heard.append("accept"))
    call.ignore(lambda: heard.append("cancel"))
    call.error(lambda _error: heard.append("error"))
    call.volume(lambda *_levels: heard.append("volume"))
    assert call.status() == "pending"

    call.mute()
    call.unmute()
    call.cancel()

    assert heard == ["cancel"]
    assert not call.is_muted()
    assert call.status() == "closed"


def test_arguments_of_accept_are_checked(world: World) -> None:
    with pytest.raises(InvalidArgumentError, match="audio_constraints"):
        world.rings().accept("loud")


def test_the_second_call_ends_the_first(make_world: Callable[..., World]) -> None:
    world = make_world(allow_incoming_while_busy=True)
    first = world.talks()
    second = world.rings()
    world.forget()

    second.accept()
    world.run()

    assert (first.status(), second.status()) == ("closed", "open")
    assert world.stream.sent() == ["hangup", "answer"]
    assert world.events == ["call disconnect", "call audio", "call accept", "device disconnect", "device connect"]


def test_a_listener_that_hangs_up_in_an_error_ends_the_call_once(world: World) -> None:
    call: Connection = world.talks()
    call.on("error", lambda _error: call.disconnect())
    world.forget()

    world.stream.say("hangup", callsid="CA9", error={"code": 31002, "message": "no"})
    world.run()

    assert world.events.count("call disconnect") == 1


@pytest.mark.parametrize("trouble", ["hangup", "negotiation"])
def test_a_listener_that_hangs_up_in_an_error_finds_the_call_closed(world: World, trouble: str) -> None:
    if trouble == "negotiation":
        world.next_session = lambda session: session.failures.update(apply_answer=SdpError("no audio"))
    call = world.device.connect({"To": "bob"})
    world.run()
    seen: list[str] = []
    call.on("error", lambda _error: (seen.append(call.status()), call.disconnect(), seen.append(call.status())))
    world.forget()

    if trouble == "negotiation":
        world.stream.say("answer", callsid="CA9", sdp="far answer")
    else:
        world.stream.say("hangup", error={"code": 31002, "message": "no"})
    world.run()

    assert seen == ["connecting", "closed"]
    assert world.events == ["call error", "call disconnect", "device error", "device disconnect"]
    assert world.stream.sent("hangup") == (["hangup"] if trouble == "negotiation" else [])


def test_a_call_that_a_listener_ends_does_nothing_more_of_what_it_was_about_to(
    make_world: Callable[..., World],
) -> None:
    world = make_world(allow_incoming_while_busy=True, enable_ringing_state=True)
    first, second = world.talks(), world.rings()
    first.on("disconnect", lambda _call: second.disconnect())
    world.forget()

    second.accept()
    world.run()

    assert (first.status(), second.status()) == ("closed", "closed")
    assert len(world.sessions) == 1, "the microphone is not opened for a call that is over"
    assert world.events.count("call disconnect") == 2


def test_an_end_that_fails_in_one_part_is_done_in_the_others(world: World, caplog: pytest.LogCaptureFixture) -> None:
    call = world.talks()

    def broken(*_args: object) -> None:
        raise OSError("the wire is cut")

    world.stream.hangup = broken  # type: ignore[method-assign]
    world.forget()

    call.disconnect()
    world.run()

    assert world.events == ["call disconnect", "device disconnect"]
    assert world.session.closed
    assert "SendHangup" in caplog.text


def test_a_session_of_a_closed_call_is_not_heard(world: World) -> None:
    call = world.talks()
    session: FakeSession = world.session
    call.disconnect()
    world.run()
    world.forget()

    session.path("failed")
    session.emit("digit", "1")
    session.emit("signaling_state", "stable")

    assert world.events == []


@pytest.mark.parametrize("end", ["disconnect", "hangup", "cancel", "destroy"])
def test_a_muted_call_that_is_over_is_not_muted_and_sends_nothing(world: World, end: str) -> None:
    call = world.talks()
    call.mute()
    assert call.get_local_stream() is not None
    world.forget()

    if end in ("hangup", "cancel"):
        world.stream.say(end, callsid="CA9")
    else:
        (call.disconnect if end == "disconnect" else world.device.destroy)()
    world.run()

    assert (call.is_muted(), call.get_local_stream()) == (False, None)
    assert call.get_remote_stream() is not None
    assert "call mute" not in world.events
    assert world.session.muted  # the session closed with the microphone off
