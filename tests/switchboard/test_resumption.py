"""A call outlives its sockets and processes: who may take it up again, how long it waits, and what others notice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.switchboard import kept_digits, media_leg
from bench.rig.ports import unused_port

from .phones import Phone, Site, running
from .talkers import Talker, dial, until

Play = Callable[..., None]


class Party:
    """One side of a call: its socket, its media, and what it needs to come back."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.talker = Talker()
        self.callsid = ""
        self.token = ""

    def learn(self, payload: dict[str, Any]) -> None:
        self.callsid, self.token = payload["callsid"], payload["reconnect"]

    async def come_back(self, phone: Phone, talker: Talker) -> None:
        """Ask for the call over another socket with other media, as a new process does."""
        offer = await talker.peer.create_offer()
        await phone.send("invite", callsid=self.callsid, reconnect=self.token, sdp=offer, twilio={})

    def close(self) -> None:
        self.talker.close()


async def in_a_call(site: Site, **listen: Any) -> tuple[Party, Party]:
    """Alice calls bob, and each hears the other; both may resume."""
    alice = Party(await site.ready("alice", "1.6", **listen))
    bob = Party(await site.ready("bob", "1.6", **listen))
    await dial(alice.phone, alice.talker, "bob")
    invite = await bob.phone.expect("invite")
    bob.learn(invite)
    answer = await bob.talker.peer.answer_offer(invite["sdp"])
    await bob.phone.send("answer", sdp=answer, callsid=bob.callsid)
    await alice.phone.expect("ringing")
    answered = await alice.phone.expect("answer")
    alice.learn(answered)
    await alice.talker.peer.apply_answer(answered["sdp"])
    alice.talker.speak(440)
    bob.talker.speak(1000)
    assert await bob.talker.hears(440) and await alice.talker.hears(1000)
    return alice, bob


@pytest.mark.parametrize("who", ["caller", "callee"])
@pytest.mark.parametrize("socket", ["reset", "still open"])
def test_a_new_process_with_both_proofs_takes_the_call_over(play: Play, who: str, socket: str) -> None:
    async def story(site: Site) -> None:
        alice, bob = await in_a_call(site)
        gone, stays, hz = (alice, bob, 440) if who == "caller" else (bob, alice, 1000)
        gone.talker.peer.sever()
        if socket == "reset":
            await gone.phone.reset()
        new, talker = await site.ready("alice" if who == "caller" else "bob", "1.6"), Talker()
        await gone.come_back(new, talker)
        answer = await new.expect("answer")
        assert answer["callsid"] == gone.callsid and answer["reconnect"] != gone.token
        await talker.peer.apply_answer(answer["sdp"])
        talker.speak(hz)
        assert await stays.talker.hears(hz)
        assert await talker.hears(1440 - hz)
        await stays.talker.dial("12#")
        await until(lambda: talker.digits == "12#")
        await talker.dial("7")
        await until(lambda: stays.talker.digits == "7")
        assert await stays.phone.silent()
        if socket == "still open":
            assert await gone.phone.expect("hangup") == {"callsid": gone.callsid}
            await gone.phone.send("hangup", callsid=gone.callsid)  # as a process does that comes to itself
            assert await gone.phone.silent()
            assert await talker.hears(1440 - hz)
        await new.send("hangup", callsid=gone.callsid)
        assert await stays.phone.expect("hangup") == {"callsid": stays.callsid}
        for party in (alice, bob):
            party.close()
        talker.close()

    play(story)


def test_what_is_dialled_to_a_process_that_ends_soon_after_it_was_heard_waits_for_the_next_one(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_leg, "SILENT_S", 3600.0)
    monkeypatch.setattr(kept_digits, "CERTAIN_S", 0.0)

    async def story(site: Site) -> None:
        alice, bob = await in_a_call(site)
        await bob.phone.reset()
        bob.talker.peer.sever()
        legs: Any = site.switchboard._executor._media
        await alice.talker.dial("1")
        await until(lambda: any(leg.kept._uncertain for leg in legs.values()))
        for leg in legs.values():
            leg._take_for_listener()  # the time is over in which a client that speaks would have been heard
        new, talker = await site.ready("bob", "1.6"), Talker()
        await bob.come_back(new, talker)
        await talker.peer.apply_answer((await new.expect("answer"))["sdp"])
        talker.speak(1000)
        await until(lambda: talker.digits == "1")
        for each in (alice, bob, talker):
            each.close()

    play(story)


@pytest.mark.parametrize("thief", ["mallory", "bob"])
def test_a_thief_gets_nothing_and_nobody_notices(play: Play, thief: str, caplog: pytest.LogCaptureFixture) -> None:
    """Mallory has all that alice knows but her access token, bob is in the call but has another name for it."""

    async def story(site: Site) -> None:
        alice, bob = await in_a_call(site)
        socket, talker = await site.ready(thief, "1.6"), Talker()
        for _ in range(3):
            await alice.come_back(socket, talker)
            assert await socket.expect("hangup") == {"callsid": alice.callsid}
        assert await alice.phone.silent() and await bob.phone.silent()
        assert await bob.talker.hears(440) and await alice.talker.hears(1000)
        for other in (alice, bob):
            other.close()
        talker.close()

    play(story)
    assert len([1 for record in caplog.records if record.levelname == "WARNING"]) == 1


def test_a_process_that_was_succeeded_cannot_take_the_call_back(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob = await in_a_call(site)
        new, talker = await site.ready("alice", "1.6"), Talker()
        await alice.come_back(new, talker)
        await talker.peer.apply_answer((await new.expect("answer"))["sdp"])
        talker.speak(440)
        assert await bob.talker.hears(440)
        assert await new.silent()  # so it has answered the heartbeat that asked whether it knows its token
        old, more = await site.ready("alice", "1.6"), Talker()
        await alice.come_back(old, more)
        assert await old.expect("hangup") == {"callsid": alice.callsid}
        assert await bob.talker.hears(440) and await talker.hears(1000)
        assert await new.silent()
        for each in (alice, bob, talker, more):
            each.close()

    play(story)


def test_media_of_another_certificate_needs_the_token(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob = await in_a_call(site)
        thief, talker = await site.ready("alice", "1.6"), Talker()
        await thief.send("reinvite", callsid=alice.callsid, sdp=await talker.peer.create_offer())
        assert await thief.silent()
        assert await bob.talker.hears(440) and await alice.talker.hears(1000)
        await alice.phone.send("invite", callsid=alice.callsid, reconnect=alice.token, twilio={},
                               sdp=alice.talker.peer.local_sdp)  # fmt: skip
        assert (await alice.phone.expect("answer"))["callsid"] == alice.callsid
        assert await bob.talker.hears(440)
        for each in (alice, bob, talker):
            each.close()

    play(story)


def test_a_process_that_does_not_come_back_in_time_ends_the_call_for_both(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob = await in_a_call(site, reconnectTimeout=2)
        await alice.phone.drop()
        assert await bob.talker.hears(440)  # the socket alone is no reason
        assert await bob.phone.expect("hangup") == {"callsid": bob.callsid}
        late, talker = await site.ready("alice", "1.6"), Talker()
        await alice.come_back(late, talker)
        assert await late.expect("hangup") == {"callsid": alice.callsid}
        for each in (alice, bob, talker):
            each.close()

    play(story)


def test_a_caller_whose_process_ends_before_the_answer_rings_nobody_any_longer(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob, talker = await site.ready("alice", "1.6"), await site.ready("bob", "1.6"), Talker()
        await dial(alice, talker, "bob")
        invite = await bob.expect("invite")
        await alice.drop()
        assert await bob.expect("cancel") == {"callsid": invite["callsid"]}
        talker.close()

    play(story)


def test_a_client_says_again_and_again_with_each_new_access_token_that_it_has_the_call(play: Play) -> None:
    """The SDK does so on every `connected`, also over the same socket."""

    async def story(site: Site) -> None:
        alice, bob = await in_a_call(site)
        for _ in range(3):
            await alice.phone.send("listen", token=site.mint("alice"))
            await alice.phone.expect("connected")
            here = {"callsid": alice.callsid, "sdp": alice.talker.peer.local_sdp, "twilio": {}}
            await alice.phone.send("invite", reconnect=alice.token, **here)
            alice.learn(await alice.phone.expect("answer"))
        assert await bob.talker.hears(440) and await alice.talker.hears(1000)
        assert await bob.phone.silent()
        for each in (alice, bob):
            each.close()

    play(story)


def test_sockets_that_are_lost_before_the_answer_arrives_cost_no_call(play: Play) -> None:
    async def story(site: Site) -> None:
        alice, bob = await in_a_call(site)
        for _ in range(6):
            await alice.phone.drop()
            alice.phone = await site.ready("alice", "1.6")
            here = {"callsid": alice.callsid, "sdp": alice.talker.peer.local_sdp, "twilio": {}}
            await alice.phone.send("invite", reconnect=alice.token, **here)
        assert (await alice.phone.expect("answer"))["callsid"] == alice.callsid
        assert await bob.talker.hears(440)
        for each in (alice, bob):
            each.close()

    play(story)


def test_a_switchboard_that_is_started_anew_knows_no_call_and_says_so(tmp_path: Path) -> None:
    async def before() -> tuple[Party, Party, int]:
        async with running(tmp_path, listen_port=unused_port()) as site:
            alice, bob = await in_a_call(site)
            site.switchboard.registry.all()[0].abort()  # so that nothing can be said to her any more
            await site.switchboard.stop()
            assert await bob.phone.expect("hangup") == {"callsid": bob.callsid}
            return alice, bob, site.address.port

    async def after(alice: Party, bob: Party, port: int) -> None:
        async with running(tmp_path, listen_port=port) as site:
            for identity, party in (("alice", alice), ("bob", bob)):
                phone = await site.ready(identity, "1.6")
                here = {"callsid": party.callsid, "sdp": party.talker.peer.local_sdp}
                await phone.send("invite", reconnect=party.token, twilio={}, **here)
                assert await phone.expect("hangup") == {"callsid": party.callsid}
                await phone.send("reinvite", **here)  # as a client of the first generation does when its media is lost
                assert await phone.expect("hangup") == {"callsid": party.callsid}
                party.close()

    async def main() -> None:
        await after(*await before())

    asyncio.run(main())
