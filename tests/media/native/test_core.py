"""The native core does what the Python way does, packet by packet, on the same SRTP contexts and encoders."""

from __future__ import annotations

import ctypes
import random
import socket
import time
from contextlib import closing

import pylibsrtp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from agent.errors import CodecError
from agent.media.codec import opus
from agent.media.codec.opus import OpusDecoder, OpusEncoder, function_address
from agent.media.codec.sender import AudioSender, SenderSettings
from agent.media.dtls.aiortc_adapter import srtp_calls
from agent.media.ice.datagrams import SO_TIMESTAMPNS
from agent.media.native import core
from agent.media.native.core import MALFORMED, NOTHING, OTHER, REJECTED, RTP, Core
from agent.media.rtp.packet import is_rtcp, parse_rtp, write_rtp
from tests.media.sounds import frames, voice

PROFILES = {
    Policy.SRTP_PROFILE_AES128_CM_SHA1_80: 30,
    Policy.SRTP_PROFILE_AEAD_AES_128_GCM: 28,
    Policy.SRTP_PROFILE_AEAD_AES_256_GCM: 44,
}


def session(key: bytes, profile: int, outward: bool) -> Session:
    policy = Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND if outward else Policy.SSRC_ANY_INBOUND,
                    srtp_profile=profile)  # fmt: skip
    policy.allow_repeat_tx = True
    policy.window_size = 1024
    return Session(policy)


class Ends:
    """Two sockets, a key, and what encrypts and decrypts with it: a native core, and sessions of the Python way."""

    def __init__(self, loaded: core.Verdict, profile: int = Policy.SRTP_PROFILE_AES128_CM_SHA1_80) -> None:
        key = bytes(range(PROFILES[profile]))
        self.near, self.far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for end in (self.near, self.far):
            end.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            end.bind(("127.0.0.1", 0))
        self.theirs, self.reference = session(key, profile, True), session(key, profile, False)
        self.inbound, self.outbound = session(key, profile, False), session(key, profile, True)
        calls = srtp_calls(self.inbound, self.outbound)
        assert calls is not None
        self.core = Core(loaded.module, calls)
        assert self.core.aim(self.near.fileno(), *self.far.getsockname())

    def __enter__(self) -> Ends:
        return self

    def __exit__(self, *_error: object) -> None:
        self.near.close()
        self.far.close()

    def arrive(self, data: bytes) -> int:
        """Let a datagram arrive at the native end; what it was found to be."""
        self.far.sendto(data, self.near.getsockname())
        return self.core.receive(self.near.fileno())


def python_way(session: Session, data: bytes) -> tuple[int, object]:
    """What the reference makes of a datagram."""
    if len(data) < 2 or not 128 <= data[0] <= 191 or len(data) > 1_500 or is_rtcp(data):
        return OTHER, data
    try:
        packet = parse_rtp(session.unprotect(data))
    except pylibsrtp.Error:
        return REJECTED, None
    return (RTP, packet) if packet is not None else (MALFORMED, None)


def native_way(ends: Ends, data: bytes) -> tuple[int, object]:
    found = ends.arrive(data)
    return found, {RTP: ends.core.packet, OTHER: ends.core.datagram}.get(found) if found in (RTP, OTHER) else None


def plain_packets() -> st.SearchStrategy[bytes]:
    """RTP as it may be and as it may not: versions, sources, extensions, padding, of any consistency."""
    return st.builds(
        lambda first, second, middle, rest: bytes([0x80 | first, second]) + middle + rest,
        st.integers(0, 0x3F), st.integers(0, 255), st.binary(min_size=10, max_size=10), st.binary(max_size=120),
    )  # fmt: skip


@pytest.fixture(scope="module")
def spoken() -> list[bytes]:
    """Twenty packets of speech that carry copies."""
    encoder = OpusEncoder(loss_percent=20)
    return [encoder.encode(frame) for frame in frames(voice(0.4))]


@pytest.mark.parametrize("profile", PROFILES)
@given(plain=st.lists(plain_packets(), min_size=1, max_size=8), seed=st.integers(0, 2**32))
def test_both_ways_read_every_packet_alike(loaded, profile, plain, seed):
    """Whole ones, damaged ones, replays, and what is no packet at all."""
    chance = random.Random(seed)
    with Ends(loaded, profile) as ends:
        sent = list[bytes]()
        for packet in plain:
            try:
                sent.append(ends.theirs.protect(packet))
            except pylibsrtp.Error:
                sent.append(packet)
        for data in [*sent, *chance.choices(sent, k=3)]:
            if chance.random() < 0.3 and len(data) > 2:
                at = chance.randrange(len(data))
                data = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
            assert native_way(ends, data) == python_way(ends.reference, data)


@given(st.binary(max_size=2_100))
def test_both_ways_sort_anything_alike(loaded, data):
    with Ends(loaded) as ends:
        found, what = native_way(ends, data)
        assert found == python_way(ends.reference, data)[0]
        assert found != OTHER or what == data[:2_049]


@given(st.binary(max_size=40) | st.builds(lambda first, rest: bytes([first]) + rest, st.integers(0, 255),
                                          st.binary(max_size=1_300)))  # fmt: skip
def test_both_ways_describe_opus_alike(loaded, payload):
    found = loaded.module.lib.core_describe(payload, len(payload))
    try:
        samples = opus.packet_samples(payload)
    except CodecError:
        assert found == 0
    else:
        assert (found >> 1, bool(found & 1)) == (samples, opus.has_fec(payload))


def test_every_first_two_bytes_of_opus_are_described_alike(loaded):
    for first in range(256):
        for second in range(256):
            payload = bytes([first, second, 0xC0, 0xFF, 0x80, 1, 2])
            found = loaded.module.lib.core_describe(payload, len(payload))
            try:
                assert (found >> 1, bool(found & 1)) == (opus.packet_samples(payload), opus.has_fec(payload)), payload
            except CodecError:
                assert found == 0, payload


def decoder(way: core.Verdict) -> OpusDecoder:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(core, "verdict", lambda: way)
        return OpusDecoder()


def heard(decoder: OpusDecoder, packet: bytes | None, next_packet: bytes | None) -> bytes | str:
    """What becomes of a packet, or of its loss."""
    try:
        if packet is not None:
            return decoder.decode(packet)
        return decoder.recover(next_packet, 960) if next_packet else decoder.conceal(960)
    except CodecError as error:
        return str(error)


@given(st.lists(st.none() | st.binary(max_size=60) | st.sampled_from(range(20)), max_size=12))
def test_both_ways_decode_alike(loaded, spoken, packets):
    """Speech, losses and noise, in any order."""
    native, python = decoder(loaded), decoder(core.Verdict(None, ""))
    chosen = [spoken[packet] if isinstance(packet, int) else packet for packet in packets]
    for packet, following in zip(chosen, [*chosen, None][1:], strict=True):
        assert heard(native, packet, following) == heard(python, packet, following)


def test_numbers_that_wrap_are_read_alike(loaded):
    """The roll-over counter of SRTP is one for both."""
    with Ends(loaded) as ends:
        for number in range(0xFFF0, 0x1_0010):
            data = ends.theirs.protect(write_rtp(111, False, number, number * 960, 7, b"sound"))
            if number % 2:  # half of them go the Python way, through the same context
                assert parse_rtp(ends.inbound.unprotect(data)).sequence == number & 0xFFFF
            else:
                assert ends.arrive(data) == RTP
                assert ends.core.packet.sequence == number & 0xFFFF


def test_what_one_way_has_read_is_a_replay_for_the_other(loaded):
    with Ends(loaded) as ends:
        one, two = (ends.theirs.protect(write_rtp(111, False, n, n, 7, b"x")) for n in (1, 2))
        assert ends.arrive(one) == RTP
        with pytest.raises(pylibsrtp.Error):
            ends.inbound.unprotect(one)
        ends.inbound.unprotect(two)
        assert ends.arrive(two) == REJECTED


@pytest.mark.parametrize("settings", [SenderSettings(), SenderSettings(dtx=True), SenderSettings(bitrate=16_000)])
def test_both_ways_send_the_same_packets(loaded, settings):
    """Byte by byte, digits and pauses between, whichever way each frame takes."""
    sound = [*frames(voice(0.8)), *[bytes(1920)] * 60, *frames(voice(0.4))]
    with Ends(loaded) as ends:
        plain, mixed = (AudioSender(settings=settings, event_hz=48_000, timestamp=5) for _ in range(2))
        wanted, sent = list[bytes](), list[bytes]()
        for number, frame in enumerate(sound):
            if number == 30:
                plain.insert_dtmf("5", 60)
                mixed.insert_dtmf("5", 60)
            for out in plain.push(frame):
                wanted.append(write_rtp(111, out.marker, len(wanted), out.timestamp, 9, out.payload))
            if mixed.is_plain and number % 3:
                packet = mixed.push_direct(ends.core, frame)
                if packet is not None:
                    octets, timestamp, marker = packet
                    assert ends.core.transmit(111 | marker << 7, len(sent), timestamp, 9) == 0
                    plain_packet = ends.reference.unprotect(ends.far.recv(2_048))
                    assert len(plain_packet) == 12 + octets
                    sent.append(plain_packet)
            else:
                for out in mixed.push(frame):
                    packet = write_rtp(111, out.marker, len(sent), out.timestamp, 9, out.payload)
                    sent.append(ends.reference.unprotect(ends.outbound.protect(packet)))
        assert sent == wanted


def test_a_payload_is_sent_only_once(loaded):
    """After it was encrypted in place nothing of it is left to send."""
    with Ends(loaded) as ends:
        encoder = OpusEncoder()
        length = ends.core.encode(encoder.addresses, frames(voice(0.1))[0])
        for number, octets in enumerate((length, 0)):
            assert ends.core.transmit(111, number, 0, 9) == 0
            assert len(ends.reference.unprotect(ends.far.recv(2_048))) == 12 + octets


def test_arrival_is_when_the_kernel_had_it(loaded):
    with Ends(loaded) as ends:
        before = time.monotonic()
        ends.far.sendto(ends.theirs.protect(write_rtp(111, False, 1, 1, 7, b"x")), ends.near.getsockname())
        after = time.monotonic()
        while time.monotonic() < after + 0.05:  # it waits there
            pass
        assert ends.core.receive(ends.near.fileno()) == RTP
        assert before - 1 < ends.core.arrival_s < after + 0.01


def test_who_sent_is_known_and_nothing_waits_for_nobody(loaded):
    with Ends(loaded) as ends, closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind(("127.0.0.1", 0))
        assert ends.core.receive(ends.near.fileno()) == NOTHING
        for sender in (ends.far, other, other, ends.far):
            sender.sendto(b"\x01what", ends.near.getsockname())
            assert ends.core.receive(ends.near.fileno()) == OTHER
            assert ends.core.address == sender.getsockname()
            assert ends.core.datagram == b"\x01what"


@pytest.mark.parametrize("host", ["::1", "127.0.0.1"])
def test_either_family_is_sent_to(loaded, host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with Ends(loaded) as ends, closing(socket.socket(family, socket.SOCK_DGRAM)) as near, \
            closing(socket.socket(family, socket.SOCK_DGRAM)) as far:  # fmt: skip
        try:
            far.bind((host, 0))
        except OSError as error:
            pytest.skip(f"no {host} here: {error}")
        assert ends.core.aim(near.fileno(), *far.getsockname()[:2])
        encoder = OpusEncoder()  # what it encodes with goes with it
        ends.core.encode(encoder.addresses, frames(voice(0.1))[0])
        assert ends.core.transmit(111, 1, 0, 9) == 0
        assert ends.reference.unprotect(far.recv(2_048))


@pytest.mark.parametrize("host", ["no address", "fe80::1%lo", ""])
def test_an_address_that_is_none_is_left_to_python(loaded, host):
    with Ends(loaded) as ends:
        assert not ends.core.aim(ends.near.fileno(), host, 1)


def test_another_libopus_than_the_usual_one_is_called_where_it_is(loaded, monkeypatch):
    """Nothing of libopus is built in: the core calls whichever copy the encoder is from."""
    names = [name for name in opus._candidates() if "/" in name]
    if not names:
        pytest.skip("PyAV brings no copy of libopus")
    other = opus._declare(ctypes.CDLL(names[0]))
    assert function_address(other.opus_encode) != function_address(opus.library().opus_encode)
    monkeypatch.setattr(opus, "library", lambda: other)
    sound = frames(voice(0.1))
    with Ends(loaded) as ends:
        native, python, decoder = OpusEncoder(), OpusEncoder(), OpusDecoder()
        for frame in sound:
            payload = python.encode(frame)
            assert ends.core.encode(native.addresses, frame) == len(payload)
            assert len(decoder.decode(payload)) == 1920


def test_a_libsrtp_whose_functions_have_another_form_is_left_to_python(monkeypatch):
    from agent.media.dtls import aiortc_adapter

    one = session(bytes(30), Policy.SRTP_PROFILE_AES128_CM_SHA1_80, True)
    assert srtp_calls(one, one) is not None
    monkeypatch.setattr(aiortc_adapter, "SRTP_CALL", "srtp_err_status_t(*)(struct srtp_ctx_t_ *, void *, size_t *)")
    assert srtp_calls(one, one) is None
