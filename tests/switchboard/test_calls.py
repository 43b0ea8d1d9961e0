"""Calls through a running switchboard: real sockets, real media."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from agent.media.peer import Peer
from agent.switchboard.sdp import attribute
from tests.media.peers import send_unusable

from .phones import Phone, Site
from .talkers import Talker, connected_call, dial, take, until

Play = Callable[..., None]


def test_a_call_carries_sound_both_ways_and_ends_for_both(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice"), await site.ready("bob"), Talker(), Talker()
        caller_sid, callee_sid = await connected_call(alice, bob, first, second)
        first.speak(440)
        second.speak(1000)
        assert await second.hears(440) and await first.hears(1000)
        await alice.send("hangup", callsid=caller_sid)
        assert await bob.expect("hangup") == {"callsid": callee_sid}
        assert len(site.switchboard.calls) == 0
        first.close()
        second.close()

    play(story)


def test_an_invite_names_the_caller_and_carries_the_callers_parameters(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, talker = await site.ready("alice"), await site.ready("bob"), Talker()
        await dial(alice, talker, "client%3Abob", "&room=lobby&note=a%20b")
        invite = await bob.expect("invite")
        parameters = invite["parameters"]
        assert parameters["CallSid"] == invite["callsid"]
        assert invite["callsid"].startswith("CA") and len(invite["callsid"]) == 34
        assert parameters["From"] == "client:alice" and parameters["To"] == "client:bob"
        assert parameters["AccountSid"].startswith("AC") and parameters["ApiVersion"] == "2010-04-01"
        assert parameters["Params"] == "room=lobby&note=a%20b"
        assert "reconnect" not in invite
        talker.close()

    play(story)


@pytest.mark.parametrize(
    ("caller", "callee", "heard_by_caller"),
    [
        (("opus", "pcmu"), ("opus", "pcmu"), "opus"),
        (("pcmu", "opus"), ("pcmu", "opus"), "PCMU"),
        (("pcmu", "opus"), ("opus", "pcmu"), "opus"),
    ],
)
def test_packets_are_relayed_in_the_codec_that_the_callee_chose(
    play: Play, caller: tuple[str, ...], callee: tuple[str, ...], heard_by_caller: str
) -> None:
    async def story(site: Site) -> None:
        alice, bob = await site.ready("alice"), await site.ready("bob")
        first, second = Talker(*caller), Talker(*callee)
        await connected_call(alice, bob, first, second)
        first.speak(440)
        second.speak(1000)
        assert await second.hears(440) and await first.hears(1000)
        assert list(first.heard) == list(second.heard) == [heard_by_caller]
        first.close()
        second.close()

    play(story)


def test_what_is_lost_before_the_switchboard_stays_missing_behind_it(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice"), await site.ready("bob"), Talker(), Talker()
        await connected_call(alice, bob, first, second)
        numbers = itertools.count()

        def speak() -> None:
            n = next(numbers)
            first.peer.rtp.send(bytes(60), n * 960, False, "opus", n)

        while not second.heard:
            speak()
            await asyncio.sleep(0.02)
        for _ in range(20):
            next(numbers)
            for _ in range(9):
                speak()
                await asyncio.sleep(0.001)
        await until(lambda: second.peer.stats().packets_lost == 20)
        first.close()
        second.close()

    play(story)


def test_what_the_switchboard_cannot_forward_is_not_missed_behind_it(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice"), await site.ready("bob"), Talker(), Talker()
        await connected_call(alice, bob, first, second)
        numbers = itertools.count()
        while second.heard.get("opus", 0) < 100:
            n = next(numbers)
            if n % 4:
                first.peer.rtp.send(bytes(60), n * 960, False, "opus")
            else:
                send_unusable(first.peer, 13 if n % 8 else 119, n * 960)
            await asyncio.sleep(0.001)
        assert second.heard.keys() == {"opus"}
        assert second.peer.stats().packets_lost == 0
        first.close()
        second.close()

    play(story)


def test_loss_behind_the_switchboard_is_reported_to_the_speaker(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice"), await site.ready("bob"), Talker(), Talker()
        await connected_call(alice, bob, first, second)
        reported: list[float] = []
        first.peer.rtp.on_loss = reported.append
        second.peer.rtp.report_loss_beyond(0.5)
        first.speak(440)
        await until(lambda: any(share >= 0.5 for share in reported))
        first.close()
        second.close()

    play(story)


def test_legs_without_a_common_codec_are_transcoded(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice"), await site.ready("bob"), Talker(), Talker("pcmu")
        offer = only(await first.peer.create_offer(), "opus")
        await alice.send("invite", callsid="TJS1", sdp=offer, twilio={"params": "To=bob"})
        invite = await bob.expect("invite")
        answer = only(await second.peer.answer_offer(invite["sdp"]), "PCMU")
        await bob.send("answer", sdp=answer, callsid=invite["callsid"])
        await alice.expect("ringing")
        await first.peer.apply_answer((await alice.expect("answer"))["sdp"])
        first.speak(440)
        second.speak(1000)
        assert await second.hears(440) and await first.hears(1000)
        assert list(first.heard) == ["opus"] and list(second.heard) == ["PCMU"]
        first.close()
        second.close()

    play(story)


def test_digits_are_relayed(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice"), await site.ready("bob"), Talker(), Talker()
        await connected_call(alice, bob, first, second)
        await first.dial("12#")
        await until(lambda: second.digits == "12#")
        first.close()
        second.close()

    play(story)


def test_digits_that_come_as_a_message_are_sent_on_as_events(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice"), await site.ready("bob"), Talker(), Talker()
        caller_sid, _ = await connected_call(alice, bob, first, second)
        first.speak(440)
        assert await second.hears(440)
        await alice.send("dtmf", callsid=caller_sid, dtmf="44w5")
        await until(lambda: len(second.digits) >= 3)
        assert second.digits == "445"
        assert await second.hears(440)
        first.close()
        second.close()

    play(story)


def test_digits_that_wait_are_no_tasks_and_a_hang_up_ends_them(play: Play) -> None:
    """Each message had a task of its own, and a hang-up ended the last of them."""

    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice"), await site.ready("bob"), Talker(), Talker()
        caller_sid, _ = await connected_call(alice, bob, first, second)
        before = len(asyncio.all_tasks())
        for _ in range(200):
            await alice.send("dtmf", callsid=caller_sid, dtmf="1w")
        await alice.send("register", media={"audio": True})
        await alice.expect("ready")  # by now it has read them all
        assert len(asyncio.all_tasks()) < before + 20

        await alice.send("hangup", callsid=caller_sid)
        await bob.expect("hangup")
        first.close()
        second.close()
        await until(lambda: site.switchboard.idle)
        assert len(asyncio.all_tasks()) < before + 20

    play(story, frames_per_s=1000)


def test_echo_sends_the_caller_its_own_voice_and_tone_a_tone(play: Play) -> None:
    async def story(site: Site) -> None:
        alice = await site.ready("alice")
        for target, hz in (("echo", 700), ("tone", 440)):
            talker = Talker()
            await dial(alice, talker, target)
            await alice.expect("ringing")
            answer = await alice.expect("answer")
            await talker.peer.apply_answer(answer["sdp"])
            talker.speak(700)
            assert await talker.hears(hz)
            await alice.send("hangup", callsid=answer["callsid"])
            talker.close()

    play(story)


@pytest.mark.parametrize(
    ("target", "frames", "code"),
    [("busy", [], 31486), ("reject", ["ringing"], 31603), ("noanswer", ["ringing"], 31480), ("nobody", [], 31404),
     ("", [], 31404), ("alice", [], 31404)],
)  # fmt: skip
def test_a_call_that_cannot_be_made_ends_with_its_code(play: Play, target: str, frames: list[str], code: int) -> None:
    async def story(site: Site) -> None:
        alice, talker = await site.ready("alice"), Talker()
        await dial(alice, talker, target)
        for frame in frames:
            await alice.expect(frame)
        hangup = await alice.expect("hangup")
        assert hangup["error"]["code"] == code
        assert hangup["callsid"].startswith("CA" if frames else "TJS")
        talker.close()

    play(story, ring_timeout_s=1)


def test_all_clients_of_an_identity_ring_and_the_first_answer_wins(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, desk, door = await site.ready("alice"), await site.ready("bob"), await site.ready("bob")
        first, second = Talker(), Talker()
        await dial(alice, first, "bob")
        ringing = await door.expect("invite")
        await take(desk, second)
        assert await door.expect("cancel") == {"callsid": ringing["callsid"]}
        first.close()
        second.close()

    play(story)


def test_one_reject_rejects_for_all(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, desk, door = await site.ready("alice"), await site.ready("bob"), await site.ready("bob")
        talker = Talker()
        await dial(alice, talker, "bob")
        await desk.expect("invite")
        await door.send("reject", callsid=(await door.expect("invite"))["callsid"])
        await desk.expect("cancel")
        await alice.expect("ringing")
        assert (await alice.expect("hangup"))["error"] == {"code": 31603, "message": "Decline"}
        talker.close()

    play(story)


def test_a_description_without_audio_is_refused(play: Play) -> None:
    async def story(site: Site) -> None:
        alice = await site.ready("alice")
        await alice.send("invite", callsid="TJS1", sdp="v=0\r\n", twilio={"params": "To=echo"})
        await alice.expect("ringing")
        assert (await alice.expect("hangup"))["error"]["code"] == 31488
        assert await alice.silent()

    play(story)


def test_an_ice_restart_keeps_the_sound_without_a_new_handshake(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice"), await site.ready("bob"), Talker(), Talker()
        sids = await connected_call(alice, bob, first, second)
        first.speak(440)
        second.speak(1000)
        for phone, talker, callsid, hz in ((alice, first, sids[0], 1000), (bob, second, sids[1], 440)):
            talker.peer.sever()
            await phone.send("reinvite", sdp=await talker.peer.create_restart_offer(), callsid=callsid)
            await talker.peer.apply_answer((await phone.expect("answer"))["sdp"])
            assert await talker.hears(hz)
        first.close()
        second.close()

    play(story)


@pytest.mark.parametrize("version", ["1.5", "1.6"])
def test_a_lost_socket_leaves_the_call_and_its_successor_may_restart_and_end_it(play: Play, version: str) -> None:
    async def story(site: Site) -> None:
        alice, bob = await site.ready("alice", version), await site.ready("bob", version)
        first, second = Talker(), Talker()
        caller_sid, callee_sid = await connected_call(alice, bob, first, second)
        first.speak(440)
        await bob.drop()
        assert await second.hears(440)
        bob = await site.ready("bob", version)
        await bob.send("reinvite", sdp=await second.peer.create_restart_offer(), callsid=callee_sid)
        await second.peer.apply_answer((await bob.expect("answer"))["sdp"])
        assert await second.hears(440)
        await bob.send("hangup", callsid=callee_sid)
        assert await alice.expect("hangup") == {"callsid": caller_sid}
        first.close()
        second.close()

    play(story)


def test_signaling_may_restart_below_a_call(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice"), await site.ready("bob"), Talker(), Talker()
        caller_sid, callee_sid = await connected_call(alice, bob, first, second)
        first.speak(440)
        assert await second.hears(440)
        await site.switchboard.restart_signaling()
        with pytest.raises(ConnectionClosed) as caught:
            await bob.next()
        assert caught.value.rcvd is not None and caught.value.rcvd.code == 1012
        assert await second.hears(440)
        assert second.peer.stats().packets_lost == 0
        alice, bob = await site.ready("alice"), await site.ready("bob")
        await bob.send("hangup", callsid=callee_sid)
        assert await alice.expect("hangup") == {"callsid": caller_sid}
        first.close()
        second.close()

    play(story)


def test_the_end_of_a_call_reaches_a_client_on_its_new_socket(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice"), await site.ready("bob"), Talker(), Talker()
        caller_sid, callee_sid = await connected_call(alice, bob, first, second)
        await bob.drop()
        bob = await site.ready("bob")
        await alice.send("hangup", callsid=caller_sid)
        assert await bob.expect("hangup") == {"callsid": callee_sid}
        first.close()
        second.close()

    play(story)


def test_a_call_whose_client_does_not_come_back_ends(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice"), await site.ready("bob"), Talker(), Talker()
        caller_sid, _ = await connected_call(alice, bob, first, second)
        await bob.drop()
        assert await alice.expect("hangup") == {"callsid": caller_sid}
        first.close()
        second.close()

    play(story, reconnect_grace_s=1)


def test_media_that_says_goodbye_ends_the_call(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice"), await site.ready("bob"), Talker(), Talker()
        caller_sid, _ = await connected_call(alice, bob, first, second)
        second.close()
        assert await alice.expect("hangup") == {"callsid": caller_sid}
        first.close()

    play(story)


def test_a_device_that_loses_its_socket_while_it_rings_is_rung_again(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice"), await site.ready("bob"), Talker(), Talker()
        await dial(alice, first, "bob")
        await bob.expect("invite")
        await bob.drop()
        bob = await site.ready("bob")
        await take(bob, second)
        await alice.expect("ringing")
        await alice.expect("answer")
        first.close()
        second.close()

    play(story)


def test_a_second_generation_client_resumes_its_call_by_tokens_that_are_each_used_once(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, talker = await site.ready("alice", "1.6"), Talker()
        answer = first = await echo_call(alice, talker)
        here = {"callsid": first["callsid"], "sdp": talker.peer.local_sdp, "twilio": {}}
        for _ in range(3):
            await alice.drop()
            alice = await site.ready("alice", "1.6")
            used, answer = answer["reconnect"], await resumed(alice, reconnect=answer["reconnect"], **here)
            assert answer == {"callsid": first["callsid"], "sdp": first["sdp"], "reconnect": answer["reconnect"]}
            assert answer["reconnect"] != used
            assert await alice.silent()
            await alice.send("invite", reconnect=first["reconnect"], **here)
            assert await alice.expect("hangup") == {"callsid": first["callsid"]}
        talker.speak(600)
        assert await talker.hears(600)
        talker.close()

    play(story)


async def resumed(phone: Phone, **payload: Any) -> dict[str, Any]:
    """Take a call up again by its token."""
    await phone.send("invite", **payload)
    return await phone.expect("answer")


async def reload_page(phone: Phone, answer: dict[str, Any], talker: Talker) -> None:
    """Ask for the call as a page does that was loaded anew, with media of its own."""
    offer = await talker.peer.create_offer()
    await phone.send("invite", callsid=answer["callsid"], reconnect=answer["reconnect"], sdp=offer, twilio={})


def fingerprint(sdp: str) -> str:
    return attribute(sdp, "fingerprint")


async def echo_call(alice: Phone, talker: Talker) -> dict[str, Any]:
    """Call the echo, and have media; return the answer."""
    await dial(alice, talker, "echo")
    await alice.expect("ringing")
    answer = await alice.expect("answer")
    await talker.peer.apply_answer(answer["sdp"])
    await until(lambda: talker.peer.connection_state == "connected")
    return answer


@contextmanager
def answers_held(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the switchboard's media think over each offer until the end of this: gathering takes as long as it likes."""
    end, answer_offer = asyncio.Event(), Peer.answer_offer

    async def held(peer: Peer, sdp: str) -> str:
        await end.wait()
        return await answer_offer(peer, sdp)

    monkeypatch.setattr(Peer, "answer_offer", held)
    yield
    end.set()


def test_a_page_that_is_reloaded_during_a_restart_hears_of_its_new_media_only(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(site: Site) -> None:
        alice, before, after = await site.ready("alice", "1.6"), Talker(), Talker()
        first = await echo_call(alice, before)
        restart = await before.peer.create_restart_offer()
        with answers_held(monkeypatch):
            await alice.send("reinvite", callsid=first["callsid"], sdp=restart)
            await reload_page(alice, first, after)
            assert await alice.silent()
        answer = await alice.expect("answer")
        assert fingerprint(answer["sdp"]) != fingerprint(first["sdp"])
        await after.peer.apply_answer(answer["sdp"])
        after.speak(600)
        assert await after.hears(600)
        assert await alice.silent()
        before.close()
        after.close()

    play(story)


def test_a_page_that_is_reloaded_again_and_again_keeps_its_call(
    play: Play, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(site: Site) -> None:
        alice, talkers = await site.ready("alice", "1.6"), [Talker() for _ in range(4)]
        first = await echo_call(alice, talkers[0])
        with answers_held(monkeypatch):
            for talker in talkers[1:]:
                await reload_page(alice, first, talker)
            assert await alice.silent()
        answer = await alice.expect("answer")
        assert await alice.silent()
        await talkers[-1].peer.apply_answer(answer["sdp"])
        talkers[-1].speak(600)
        assert await talkers[-1].hears(600)
        for talker in talkers:
            talker.close()

    play(story)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_two_pages_that_are_reloaded_at_once_hear_each_other_again(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob = await site.ready("alice", "1.6"), await site.ready("bob", "1.6")
        first, second, third, fourth = Talker(), Talker(), Talker(), Talker()
        await dial(alice, first, "bob")
        invite = await bob.expect("invite")
        sdp = await second.peer.answer_offer(invite["sdp"])
        await bob.send("answer", sdp=sdp, callsid=invite["callsid"])
        await alice.expect("ringing")
        answer = await alice.expect("answer")
        await first.peer.apply_answer(answer["sdp"])
        await until(lambda: first.peer.connection_state == second.peer.connection_state == "connected")
        await reload_page(alice, answer, third)
        await reload_page(bob, invite, fourth)
        await third.peer.apply_answer((await alice.expect("answer"))["sdp"])
        await fourth.peer.apply_answer((await bob.expect("answer"))["sdp"])
        third.speak(440)
        fourth.speak(1000)
        assert await fourth.hears(440) and await third.hears(1000)
        for talker in (first, second, third, fourth):
            talker.close()

    play(story)


def test_user_messages_reach_the_other_side_and_are_acknowledged(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob = await site.ready("alice", "1.6"), await site.ready("bob", "1.6")
        first, second = Talker(), Talker()
        caller_sid, callee_sid = await connected_call(alice, bob, first, second)
        words = {"content": {"a": 1}, "contenttype": "application/json", "messagetype": "user-defined-message"}
        await alice.send("message", callsid=caller_sid, voiceeventsid="KX1", **words)
        assert await alice.expect("ack") == {"acktype": "message", "callsid": caller_sid, "voiceeventsid": "KX1"}
        assert await bob.expect("message") == {"callsid": callee_sid, "voiceeventsid": "KX1", **words}
        first.close()
        second.close()

    play(story)


def test_a_user_message_that_no_client_could_read_is_not_passed_on(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob = await site.ready("alice", "1.6"), await site.ready("bob", "1.6")
        first, second = Talker(), Talker()
        caller_sid, callee_sid = await connected_call(alice, bob, first, second)
        deep, grows = "[" * 500 + "]" * 500, f"[{','.join(['9e15'] * 2_000)}]"
        for content in ("NaN", "[-Infinity]", "1e999", '"\\ud800"', deep, grows):
            payload = f'{{"callsid":"{caller_sid}","voiceeventsid":"KX1","messagetype":"m","content":{content}}}'
            await alice.send_text(f'{{"type":"message","version":"1.6","payload":{payload}}}')
        assert (await alice.expect("error"))["error"]["code"] == 31212
        await alice.send("message", callsid=caller_sid, voiceeventsid="KX2", messagetype="m", content="ü")
        assert (await alice.expect("ack"))["voiceeventsid"] == "KX2"
        passed = await bob.expect("message")
        assert (passed["callsid"], passed["voiceeventsid"], passed["content"]) == (callee_sid, "KX2", "ü")
        first.close()
        second.close()

    play(story, max_frame_bytes=200_000)


def test_a_user_message_to_a_client_of_the_first_generation_is_refused(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice", "1.6"), await site.ready("bob"), Talker(), Talker()
        caller_sid, _ = await connected_call(alice, bob, first, second)
        await alice.send("message", callsid=caller_sid, voiceeventsid="KX1", messagetype="m", content="hello")
        error = await alice.expect("error")
        assert (error["callsid"], error["voiceeventsid"], error["error"]["code"]) == (caller_sid, "KX1", 31404)
        assert await bob.silent()
        first.close()
        second.close()

    play(story)


def test_an_answer_to_a_call_that_has_ended_is_hung_up(play: Play) -> None:
    async def story(site: Site) -> None:
        bob = await site.ready("bob")
        await bob.send("answer", callsid="CA" + "0" * 32, sdp="v=0")
        assert await bob.expect("hangup") == {"callsid": "CA" + "0" * 32}

    play(story)


def test_nobody_can_touch_the_call_of_another(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, mallory = await site.ready("alice"), await site.ready("bob"), await site.ready("mallory")
        first, second = Talker(), Talker()
        caller_sid, _ = await connected_call(alice, bob, first, second)
        await mallory.send("hangup", callsid=caller_sid)
        assert await mallory.silent()
        first.speak(440)
        assert await second.hears(440)
        first.close()
        second.close()

    play(story)


def test_too_many_calls_are_refused(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, first, second = await site.ready("alice"), await site.ready("bob"), Talker(), Talker()
        await dial(alice, first, "echo")
        await alice.expect("ringing")
        await dial(bob, second, "echo")
        assert (await bob.expect("hangup"))["error"]["code"] == 31503
        first.close()
        second.close()

    play(story, max_calls=1)


def test_a_closing_switchboard_hangs_up_first(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, talker = await site.ready("alice"), Talker()
        await dial(alice, talker, "echo")
        await alice.expect("ringing")
        answer = await alice.expect("answer")
        await site.switchboard.stop()
        assert await alice.expect("hangup") == {"callsid": answer["callsid"]}
        with pytest.raises(ConnectionClosed):
            await alice.next()
        talker.close()

    play(story)


def only(sdp: str, codec: str) -> str:
    """Leave one audio codec and the digits in a description."""
    dropped = "0" if codec == "opus" else "111"
    lines = [line for line in sdp.splitlines() if not line.startswith((f"a=rtpmap:{dropped} ", f"a=fmtp:{dropped} "))]
    heads = (line.replace(f" {dropped} ", " ") if line.startswith("m=audio") else line for line in lines)
    return "\r\n".join(heads) + "\r\n"
