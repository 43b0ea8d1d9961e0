"""Two peers, one call: real ICE, DTLS and SRTP over real sockets."""

import asyncio
import re
import time
from itertools import pairwise

import pytest

from agent.errors import InvalidStateError, SdpError
from agent.media.dtls import srtp_transport
from agent.media.rtp.packet import write_rtp
from agent.media.sdp.description import REVERSED
from hw.sound.frame import SILENCE
from tests.media.certificates import rsa_certificate
from tests.media.peers import Talker, WatchedPeer, close, connected_pair, negotiate, number_of, run, send_unusable


def test_both_ends_connect():
    async def story():
        caller, callee = await connected_pair()
        assert caller.values("signaling_state") == ["have-local-offer", "stable"]
        assert callee.values("signaling_state") == ["have-remote-offer", "stable"]
        for peer in (caller, callee):
            assert peer.values("ice_connection_state") == ["checking", "connected"]
            assert peer.values("dtls_state") == ["connecting", "connected"]
            assert peer.values("connection_state") == ["connecting", "connected"]
            assert peer.values("ice_gathering_state") == ["gathering", "complete"]
            assert peer.values("candidate") and peer.values("selected_pair")
        await close(caller, callee)

    run(story())


@pytest.mark.parametrize("rsa_is_caller", [True, False])
def test_call_with_a_far_end_whose_key_is_rsa(monkeypatch, rsa_is_caller):
    async def story():
        with monkeypatch.context() as patched:
            patched.setattr(srtp_transport, "new_certificate", rsa_certificate)
            rsa = WatchedPeer()
        ours = WatchedPeer()
        caller, callee = (rsa, ours) if rsa_is_caller else (ours, rsa)
        await negotiate(caller, callee)
        await asyncio.gather(caller.connected(), callee.connected())
        for one, other in ((caller, callee), (callee, caller)):
            one.rtp.send(b"sound", 0, True, "opus")
            await other.until(lambda peer: peer.packets)
        await close(caller, callee)

    run(story())


@pytest.mark.parametrize("codec", ["opus", "PCMU", "PCMA"])
def test_payloads_arrive_unchanged_and_in_step(codec):
    async def story():
        caller, callee = await connected_pair({"codec_preferences": (codec.lower(),)})
        assert caller.rtp.negotiated_codec == codec
        for number in range(10):
            caller.rtp.send(b"payload %d" % number, 5000 + number * 160, number == 0, codec)
        await callee.until(lambda peer: len(peer.packets) == 10)
        assert [p[0] for p in callee.packets] == [b"payload %d" % n for n in range(10)]
        assert [p[1] - callee.packets[0][1] for p in callee.packets] == [n * 160 for n in range(10)]
        assert {p[3] for p in callee.packets} == {codec}
        assert callee.packets[0][2] and not callee.packets[1][2]
        await close(caller, callee)

    run(story())


def test_events_arrive_on_an_8000_hz_clock_whatever_was_negotiated():
    async def story():
        caller, callee = await connected_pair()
        caller.rtp.send(bytes([5, 0x8A, 0x05, 0x00]), 8000, True, "telephone-event")
        await callee.until(lambda peer: peer.packets)
        assert callee.packets[0][0] == bytes([5, 0x8A, 0x05, 0x00])
        assert callee.packets[0][3] == "telephone-event"
        await close(caller, callee)

    run(story())


def test_offer_leaves_without_waiting_for_servers():
    async def story():
        peer = WatchedPeer(ice_servers=())
        sdp = await asyncio.wait_for(peer.create_offer(), 1)
        assert "a=candidate:" in sdp
        assert peer.values("signaling_state") == ["have-local-offer"]
        await close(peer)

    run(story())


def test_callee_without_any_candidate_of_the_caller_learns_its_address():
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        offer = "".join(x for x in (await caller.create_offer()).splitlines(True) if "candidate" not in x)
        await caller.apply_answer(await callee.answer_offer(offer))
        await asyncio.gather(caller.connected(), callee.connected())
        remote = callee.values("selected_pair")[0][1]
        assert remote.type == "prflx"
        await close(caller, callee)

    run(story())


def test_wrong_fingerprint_fails_the_call_and_lets_no_sound_through():
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        answer = await callee.answer_offer(await caller.create_offer())
        forged = "".join(
            "a=fingerprint:sha-256 " + ":".join(["00"] * 32) + "\r\n" if x.startswith("a=fingerprint") else x
            for x in answer.splitlines(True)
        )
        await caller.apply_answer(forged)
        await caller.until(lambda peer: peer.connection_state == "failed")
        await callee.until(lambda peer: "connected" in peer.values("dtls_state"))
        assert callee.rtp.send(b"spoofed", 0, False, "opus")
        assert not caller.rtp.send(b"secret", 0, False, "opus")
        await asyncio.sleep(0.1)  # time for the packet that must not be heard
        assert caller.packets == []
        await close(caller, callee)

    run(story())


def test_same_offer_gets_the_same_answer():
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        offer = await caller.create_offer()
        assert await callee.answer_offer(offer) == await callee.answer_offer(offer)
        await close(caller, callee)

    run(story())


def test_repeated_answer_changes_nothing():
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        answer = await callee.answer_offer(await caller.create_offer())
        await caller.apply_answer(answer)
        await caller.apply_answer(answer)
        await asyncio.gather(caller.connected(), callee.connected())
        assert caller.values("signaling_state") == ["have-local-offer", "stable"]
        await caller.apply_answer(answer)
        assert caller.connection_state == "connected"
        await close(caller, callee)

    run(story())


def test_unusable_answer_leaves_the_offer_open():
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        offer = await caller.create_offer()
        with pytest.raises(SdpError):
            await caller.apply_answer("v=0\r\n")
        assert caller.signaling_state == "have-local-offer"
        await caller.apply_answer(await callee.answer_offer(offer))
        await caller.connected()
        await close(caller, callee)

    run(story())


def test_closed_peer_refuses_work_and_closes_twice():
    async def story():
        peer = WatchedPeer()
        await close(peer)
        peer.close()
        with pytest.raises(InvalidStateError):
            await peer.create_offer()

    run(story())


def test_far_end_that_holds_gets_nothing():
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        offer = (await caller.create_offer()).replace("a=sendrecv", "a=sendonly")
        answer = await callee.answer_offer(offer)
        assert "a=recvonly" in answer
        await caller.apply_answer(answer)
        await asyncio.gather(caller.connected(), callee.connected())
        assert not callee.rtp.send(b"x", 0, False, "opus")
        await close(caller, callee)

    run(story())


def test_silence_and_return_of_packets_are_reported():
    async def story():
        caller, callee = await connected_pair()
        talker = Talker(caller)
        await callee.until(lambda peer: len(peer.packets) > 5)
        talker.stop()
        await callee.until(lambda peer: peer.values("rtp_silence"))
        talker = Talker(caller)
        await callee.until(lambda peer: ("rtp_resumed",) in peer.events)
        talker.stop()
        await close(caller, callee)

    run(story())


def test_reports_tell_the_sender_round_trip_and_loss():
    async def story():
        caller, callee = await connected_pair()
        talkers = Talker(caller), Talker(callee)
        await caller.until(lambda peer: peer.rtp._session.rtcp.rtt_ms is not None)
        stats = caller.stats()
        assert stats.rtt_ms < 1000 and stats.packets_lost == 0 and stats.packets_received > 10
        for talker in talkers:
            talker.stop()
        assert number_of(callee.packets[0]) >= 0
        await close(caller, callee)

    run(story())


@pytest.mark.parametrize("payload_type", [9, 13, 100, 119])
def test_packets_of_a_type_that_was_not_negotiated_are_not_lost(payload_type):
    async def story():
        caller, callee = await connected_pair({"codec_preferences": ("pcmu",)})
        callee.rtp.listen()
        for n in range(60):
            if n % 5 == 3:
                send_unusable(caller, payload_type, n * 160)
            else:
                caller.rtp.send(bytes(160), n * 160, n == 0, "PCMU")
        await callee.until(lambda peer: peer.stats().packets_received == 60)
        assert callee.stats().packets_lost == 0
        receiver, now = callee.rtp.receiver, asyncio.get_running_loop().time()
        ticks = iter(range(200))
        while receiver.stats.decoded + receiver.stats.dropped < 48:
            receiver.pull(now + next(ticks) * 0.02)
        assert receiver.stats.decoded > 6
        assert callee.rtp.playout_stats.concealed_ms == 0
        assert {packet[3] for packet in callee.packets} == {"PCMU", "unknown"}
        await close(caller, callee)

    run(story())


def key(peer, digits, ssrc, sequence=0, timestamp=0):
    """Send digits as a stream of their own."""
    for number, digit in enumerate(digits):
        for n, flags in enumerate((10, 10, 0x8A, 0x8A)):
            payload = bytes([int(digit), flags, 0, 200])
            stamp = timestamp + number * 4_800
            peer._secure.send_rtp(write_rtp(110, n == 0, sequence + 4 * number + n, stamp, ssrc, payload))


def test_digits_are_heard_before_the_sound_beside_it_and_after_a_transfer():
    async def story():
        caller, callee = await connected_pair()
        callee.rtp.listen()
        key(caller, "12", ssrc=1, sequence=900, timestamp=3_000_000)
        await callee.until(lambda peer: peer.values("digit") == ["1", "2"])
        caller.rtp.send(b"x" * 40, 0, True, "opus")
        key(caller, "34", ssrc=2, sequence=50, timestamp=2_000_000)
        caller.rtp.send(b"x" * 40, 960, False, "opus")
        await callee.until(lambda peer: peer.values("digit") == ["1", "2", "3", "4"])
        key(caller, "56", ssrc=2, sequence=20_000, timestamp=7)
        await callee.until(lambda peer: peer.values("digit") == ["1", "2", "3", "4", "5", "6"])
        assert callee.stats().packets_lost == 0
        assert callee.rtp.receiver.stats.received == 2
        await close(caller, callee)

    run(story())


def test_nothing_is_kept_before_somebody_listens():
    async def story():
        caller, callee = await connected_pair()
        for n in range(10):
            caller.rtp.send(b"x" * 40, n * 960, False, "opus")
        await callee.until(lambda peer: len(peer.packets) == 10)
        assert callee.rtp.receiver is None
        caller.rtp.send(b"x" * 40, 10 * 960, False, "opus")
        await callee.until(lambda peer: len(peer.packets) == 11)
        assert callee.rtp.receiver is None
        callee.rtp.listen()
        caller.rtp.send(b"x" * 40, 11 * 960, False, "opus")
        await callee.until(lambda peer: len(peer.packets) == 12)
        assert callee.rtp.receiver is not None
        await close(caller, callee)

    run(story())


@pytest.mark.parametrize("codec", ["opus", "PCMU"])
@pytest.mark.parametrize(
    ("packet_ms", "maxptime", "length_ms"),
    [(60, 60, 60), (60, 50, 40), (40, 20, 20), (60, 30, 20), (20, 10, 10), (20, 5, 10), (40, 0, 40), (40, "x", 40)],
)
def test_packets_are_no_longer_than_the_far_end_can_take(codec, packet_ms, maxptime, length_ms):
    async def story():
        caller = WatchedPeer(packet_ms=packet_ms, codec_preferences=(codec.lower(),))
        callee = WatchedPeer(codec_preferences=(codec.lower(),))
        answer = await callee.answer_offer(await caller.create_offer())
        await caller.apply_answer(answer + f"a=maxptime:{maxptime}\r\n")
        await asyncio.gather(caller.connected(), callee.connected())
        for _ in range(12):
            caller.rtp.push_pcm(SILENCE)
        await callee.until(lambda peer: len(peer.packets) == 240 // length_ms)
        steps = {later[1] - earlier[1] for earlier, later in pairwise(callee.packets)}
        assert steps == {length_ms * (48 if codec == "opus" else 8)}
        await close(caller, callee)

    run(story())


@pytest.mark.parametrize("word", ["inactive", "sendonly", "recvonly"])
def test_direction_of_the_session_counts_like_the_sections(word):
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        offer = (await caller.create_offer()).replace("a=sendrecv\r\n", "")
        offer = offer.replace("t=0 0\r\n", f"t=0 0\r\na={word}\r\n")
        answer = await callee.answer_offer(offer)
        assert f"a={REVERSED.get(word, word)}\r\n" in answer
        await caller.apply_answer(answer)
        await asyncio.gather(caller.connected(), callee.connected())
        assert callee.rtp.send(b"x", 0, True, "opus") == (word == "recvonly")
        await close(caller, callee)

    run(story())


def hashed(sdp, peer, *algorithms):
    """The description with these fingerprints of that peer's certificate."""
    prints = {f.algorithm: f.value for f in peer._secure._certificate.getFingerprints()}
    lines = "".join(f"a=fingerprint:{algorithm} {prints[algorithm]}\r\n" for algorithm in algorithms)
    return re.sub(r"a=fingerprint:.*\r\n", lines, sdp)


@pytest.mark.parametrize("algorithms", [("sha-512",), ("sha-384", "sha-256"), ("sha-512", "sha-384", "sha-256")])
def test_restart_with_other_hashes_of_the_same_certificate_is_taken(algorithms):
    async def story():
        caller, callee = await connected_pair()
        answer = await callee.answer_offer(hashed(await caller.create_restart_offer(), caller, *algorithms))
        await caller.apply_answer(hashed(answer, callee, *algorithms))
        await close(caller, callee)

    run(story())


def test_hash_of_another_certificate_is_refused_where_ice_is_not_restarted():
    async def story():
        caller, callee = await connected_pair()
        other = WatchedPeer()
        with pytest.raises(SdpError, match="certificate"):
            await callee.answer_offer(hashed(caller.local_sdp, other, "sha-512"))
        await close(caller, callee, other)

    run(story())


def test_wrong_fingerprint_of_the_session_beside_the_right_one_of_the_section_does_not_matter():
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        wrong = "t=0 0\r\na=fingerprint:sha-256 " + ":".join(["00"] * 32) + "\r\n"
        answer = await callee.answer_offer((await caller.create_offer()).replace("t=0 0\r\n", wrong))
        await caller.apply_answer(answer.replace("t=0 0\r\n", wrong).replace("a=setup:active\r\n", ""))
        await asyncio.gather(caller.connected(), callee.connected())
        await close(caller, callee)

    run(story())


def test_loop_that_was_held_up_is_not_taken_for_a_silent_far_end():
    async def story():
        caller, callee = await connected_pair()
        talker = Talker(caller)
        await callee.until(lambda peer: len(peer.packets) >= 5)
        time.sleep(0.6)  # the fault itself: nothing runs meanwhile
        await callee.until(lambda peer: len(peer.packets) >= 20)
        talker.stop()
        assert callee.values("rtp_silence") == []
        await callee.until(lambda peer: peer.values("rtp_silence"))
        await close(caller, callee)

    run(story())


def test_first_offers_of_both_ends_meet():
    async def story():
        one, other = WatchedPeer(), WatchedPeer()
        offers = await one.create_offer(), await other.create_offer()
        one_first = one._descriptions._local.session_id > other._descriptions._local.session_id
        (strong, weak), offer = ((one, other), offers) if one_first else ((other, one), offers[::-1])
        with pytest.raises(InvalidStateError):
            await strong.answer_offer(offer[1])
        await strong.apply_answer(await weak.answer_offer(offer[0]))
        await asyncio.gather(one.connected(), other.connected())
        await close(one, other)

    run(story())


def test_who_sends_frames_is_looked_after_with_them_and_by_a_timer_where_they_fail_to_come():
    async def story():
        peer = WatchedPeer()
        looked = asyncio.Queue()
        peer.rtp.tick = looked.put_nowait
        await looked.get()
        for _ in range(3):
            peer.rtp.tick_at = 0.0  # it is time
            peer.rtp.push_pcm(SILENCE)
            looked.get_nowait()
        await looked.get()
        await close(peer)
        peer.rtp.tick_at = 0.0
        peer.rtp.push_pcm(SILENCE)
        assert looked.empty()

    run(story())
