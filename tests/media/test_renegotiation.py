"""What happens to a call's descriptions beside its restarts: forks, refusals, offers on request, hold."""

import asyncio

import pytest

from agent.errors import InvalidStateError, SdpError
from agent.media.peer import Peer
from agent.media.sdp.codecs import OUR_CODECS
from agent.media.sdp.parse import parse
from tests.media.peers import Talker, WatchedPeer, close, connected_pair, negotiate, run
from tests.media.test_moved import talk


async def call():
    one, other = await connected_pair()
    await talk(one, other)
    return one, other


@pytest.mark.parametrize("first_is_reached", [True, False])
def test_another_fork_takes_the_place_of_the_first(first_is_reached):
    async def story():
        caller, early, later = WatchedPeer(), WatchedPeer(), WatchedPeer()
        offer = await caller.create_offer()
        await caller.apply_answer(await early.answer_offer(offer))
        if first_is_reached:
            await asyncio.gather(caller.connected(), early.connected())
            await talk(caller, early)
        await caller.replace_answer(await later.answer_offer(offer))
        await later.connected()
        await talk(caller, later)
        assert caller.connection_state == "connected"
        assert caller.local_sdp == offer
        assert later.rtp._session.received.ssrc == caller.rtp.ssrc
        count = len(caller.packets)
        early.rtp.send(b"x" * 40, 0, True, "opus")
        await talk(caller, later)
        assert (b"x" * 40, 0, True, "opus") not in caller.packets[count:]
        await close(caller, early, later)

    run(story())


def test_fork_that_is_the_first_again_changes_nothing():
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        answer = await callee.answer_offer(await caller.create_offer())
        await caller.apply_answer(answer)
        await asyncio.gather(caller.connected(), callee.connected())
        await caller.replace_answer(answer)
        await talk(caller, callee)
        assert caller.values("dtls_state") == ["connecting", "connected"]
        assert caller._ice._made == 1  # generations
        await close(caller, callee)

    run(story())


def test_forks_may_follow_each_other_and_a_restart_may_follow_them():
    async def story():
        caller, forks = WatchedPeer(), [WatchedPeer() for _ in range(3)]
        offer = await caller.create_offer()
        await caller.apply_answer(await forks[0].answer_offer(offer))
        for fork in forks[1:]:
            await caller.replace_answer(await fork.answer_offer(offer))
        await forks[-1].connected()
        await talk(caller, forks[-1])
        await caller.apply_answer(await forks[-1].answer_offer(await caller.create_restart_offer()))
        await caller.until(lambda peer: not peer._ice.unconnected)
        await talk(caller, forks[-1])
        await close(caller, *forks)

    run(story())


def test_unusable_answer_of_another_fork_leaves_the_first():
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        await negotiate(caller, callee)
        await asyncio.gather(caller.connected(), callee.connected())
        with pytest.raises(SdpError):
            await caller.replace_answer("v=0\r\n")
        with pytest.raises(InvalidStateError):
            await callee.replace_answer(caller.local_sdp)
        await talk(caller, callee)
        await close(caller, callee)

    run(story())


def test_refused_restart_is_withdrawn_and_the_call_goes_on():
    async def story():
        one, other = await call()
        agreed = one.local_sdp
        await one.create_restart_offer()
        await one.withdraw_offer()
        assert (one.signaling_state, one.local_sdp) == ("stable", agreed)
        await one.withdraw_offer()
        await talk(one, other)
        hold = (await other.create_restart_offer()).replace("a=sendrecv", "a=sendonly")
        assert "a=recvonly" in await one.answer_offer(hold)
        await close(one, other)

    run(story())


def test_first_offer_cannot_be_withdrawn():
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        offer = await caller.create_offer()
        await caller.withdraw_offer()
        assert caller.signaling_state == "have-local-offer"
        await caller.apply_answer(await callee.answer_offer(offer))
        await asyncio.gather(caller.connected(), callee.connected())
        await close(caller, callee)

    run(story())


def test_offer_on_request_within_a_call_names_all_that_we_speak_and_may_go_to_another():
    async def story():
        one, other = WatchedPeer(), WatchedPeer()
        offer = (await other.create_offer()).replace("SAVPF 111 0 63 8 110 126", "SAVPF 97 8")
        offer = offer.replace("a=rtpmap:111 opus/48000/2", "a=rtpmap:97 telephone-event/8000")
        await other.apply_answer(await one.answer_offer(offer.replace("a=sendrecv", "a=sendonly")))
        await asyncio.gather(one.connected(), other.connected())
        full = parse(await one.create_offer())
        assert full.direction == "sendrecv"
        assert {codec.key for codec in full.codecs} == {codec.key for codec in OUR_CODECS} | {("red", 48_000)}
        assert [c.payload_type for c in full.codecs if c.key in (("pcma", 8000), ("telephone-event", 8000))] == [97, 8]
        assert len({codec.payload_type for codec in full.codecs}) == len(full.codecs)
        assert full.ice.credentials != parse(one._descriptions._before[1]).ice.credentials
        third = WatchedPeer()
        await one.apply_answer(await third.answer_offer(one.local_sdp))
        await asyncio.gather(third.connected(), one.until(lambda p: p.values("dtls_state")[-1] == "connected"))
        await talk(one, third)
        await close(one, other, third)

    run(story())


HELD = {"sendonly": (False, True), "inactive": (False, False), "recvonly": (True, False)}  # what we may do: send, hear


@pytest.mark.parametrize("word", HELD)
def test_hold_is_told_and_kept_to_and_sound_comes_back_at_once(word):
    async def story():
        one, other = await call()
        talkers = Talker(one), Talker(other)
        sdp = other.local_sdp
        for round_ in range(2):
            answer = await one.answer_offer(f"{sdp.replace('a=sendrecv', f'a={word}')}a=x-round:{round_}\r\n")
            assert one.values("remote_direction")[-1] == word
            assert {"sendonly": "a=recvonly", "inactive": "a=inactive", "recvonly": "a=sendonly"}[word] in answer
            assert one.rtp.send(b"x", 0, True, "opus") == HELD[word][0]
            await one.answer_offer(f"{sdp}a=x-round:{round_}\r\n")
            assert one.values("remote_direction")[-1] == "sendrecv"
            heard = len(other.packets)
            await other.until(lambda peer, heard=heard: len(peer.packets) > heard + 3)
        assert len(one.values("remote_direction")) == 4
        assert other.values("dtls_state") == ["connecting", "connected"]
        for talker in talkers:
            talker.stop()
        await close(one, other)

    run(story())


def test_direction_that_stays_is_not_told_again():
    async def story():
        one, other = await call()
        for number in range(3):
            await one.answer_offer(f"{other.local_sdp.replace('a=sendrecv', 'a=sendonly')}a=x:{number}\r\n")
        assert one.values("remote_direction") == ["sendonly"]
        await close(one, other)

    run(story())


def test_restart_while_held_offers_to_speak():
    async def story():
        one, other = await call()
        await one.answer_offer(other.local_sdp.replace("a=sendrecv", "a=sendonly"))
        assert "a=sendrecv" in await one.create_restart_offer()
        await close(one, other)

    run(story())


@pytest.mark.parametrize("answering", [True, False])
def test_sip_peers_are_told_an_address_that_is_one_of_the_candidates(answering):
    async def story():
        peer, far = Peer(for_sip=True), WatchedPeer()
        text = await (peer.answer_offer(await far.create_offer()) if answering else peer.create_offer())
        port, host = (next(x for x in text.splitlines() if x.startswith(y)).split() for y in ("m=audio", "c=IN"))
        assert any(f"{host[2]} {port[1]} typ host" in line for line in text.splitlines() if "candidate" in line)
        assert "0.0.0.0" not in text and "trickle" not in text
        peer.close()
        await close(far)

    run(story())


OTHER_CANDIDATES = (
    "a=candidate:9 2 udp 2130706430 127.0.0.1 40001 typ host\r\n"
    "a=candidate:9 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active generation 0 network-id 1\r\n"
    "a=candidate:8 1 udp 2122187007 0d2c6d59-1c06-4dbe-a8a2-0d7d1c5c6a50.local 40002 typ host\r\n"
    "a=candidate:7 1 UDP 2122187006 2001:db8::5 40003 typ host\r\n"
    "a=candidate:6 1 udp 1677724415 203.0.113.9 40004 typ srflx raddr 198.51.100.20 rport 40004 generation 0\r\n"
    "a=end-of-candidates\r\n"
)


def test_candidates_that_lead_nowhere_hold_nothing_up():
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        answer = await callee.answer_offer(await caller.create_offer() + OTHER_CANDIDATES)
        await caller.apply_answer(OTHER_CANDIDATES.join(answer.partition("a=ice-ufrag")[::2]).replace(
            "a=end-of-candidates\r\n", "a=end-of-candidates\r\na=ice-ufrag"))
        await asyncio.gather(caller.connected(), callee.connected())
        for peer in (caller, callee):
            used = [candidate for pair in peer.values("selected_pair") for candidate in pair]
            assert all(candidate.port not in range(40_001, 40_005) for candidate in used)
        await talk(caller, callee)
        await close(caller, callee)

    run(story())


def test_no_reports_are_sent_to_a_far_end_that_wants_them_elsewhere():
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        offer = await caller.create_offer()
        answer = await callee.answer_offer(offer.replace("a=rtcp-mux\r\n", ""))
        assert "a=rtcp-mux" not in answer
        await caller.apply_answer(answer)
        await asyncio.gather(caller.connected(), callee.connected())
        talkers = Talker(caller), Talker(callee)
        await callee.until(lambda peer: len(peer.packets) > 60)
        assert caller.rtp._session._report_at is None and callee.rtp._session._report_at is None
        for talker in talkers:
            talker.stop()
        await close(caller, callee)

    run(story())
