"""Two sessions on one hub, with paced sound devices: what one says, the other plays."""

import wave
from threading import Event

import gevent
import numpy as np
import pytest

from agent.errors import CaptureDeniedError, InvalidStateError, SdpError
from agent.media.bridge import Bridge, warm_up
from agent.media.rtp_endpoint import RtpEndpoint
from agent.media.session import MediaSession
from agent.media.settings import MediaSettings
from hw.errors import SoundDeniedError
from hw.sound.frame import FRAME_BYTES, FRAME_MS, FRAME_SAMPLES
from hw.sound.interface import SoundState
from hw.sound.wav_sound import WavSound

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def bridge():
    bridge = Bridge()
    warm_up()
    yield bridge
    bridge.close()


def tone(hz, seconds=1.0):
    samples = np.arange(int(48_000 * seconds))
    return (8_000 * np.sin(2 * np.pi * hz * samples / 48_000)).astype(np.int16).tobytes()


class Speaker:
    """Keeps what was played."""

    def __init__(self):
        self.frames = []

    def __call__(self, frame):
        self.frames.append(frame)

    def loudest_hz(self, seconds=0.5):
        pcm = b"".join(self.frames)[-int(seconds * 96_000) :]
        sound = np.frombuffer(pcm, np.int16).astype(float)
        if len(sound) < 9_600 or np.abs(sound).max() < 500:
            return None
        return np.argmax(np.abs(np.fft.rfft(sound * np.hanning(len(sound))))) * 48_000 / len(sound)


class End:
    """One end of a call: a session, its sound, its events."""

    def __init__(self, bridge, hz=None, **settings):
        self.speaker = Speaker()
        self.sound = WavSound(tone(hz) if hz else None, self.speaker, loop=True)
        self.session = MediaSession(bridge, MediaSettings(**settings), self.sound)
        self.events = []
        for name in ("signaling_state", "ice_connection_state", "connection_state", "track", "digit", "selected_pair"):
            self.session.on(name, lambda *arguments, name=name: self.events.append((name, *arguments)))
        self.session.open_capture()

    def close(self):
        self.session.close()
        self.sound.close()


def until(condition):
    with gevent.Timeout(PATIENCE_S):
        while not condition():
            gevent.sleep(0.02)


@pytest.fixture
def call(bridge):
    ends = []

    def make(caller=None, callee=None):
        ends.extend([End(bridge, 440, **caller or {}), End(bridge, 1_000, **callee or {})])
        one, other = ends[-2:]
        one.session.apply_answer(other.session.answer_offer(one.session.create_offer()))
        until(lambda: one.session.connection_state == other.session.connection_state == "connected")
        return one, other

    yield make
    for end in ends:
        end.close()


@pytest.mark.parametrize("codecs", [("opus", "pcmu"), ("pcmu", "opus")])
def test_each_end_hears_the_other(call, codecs):
    caller, callee = call({"codec_preferences": codecs}, {"codec_preferences": codecs})
    until(lambda: caller.speaker.loudest_hz() and abs(caller.speaker.loudest_hz() - 1_000) < 5)
    until(lambda: callee.speaker.loudest_hz() and abs(callee.speaker.loudest_hz() - 440) < 5)
    assert caller.session.stats().codec_name == {"opus": "opus", "pcmu": "PCMU"}[codecs[0]]


@pytest.mark.parametrize("packet_ms", [40, 60])
def test_longer_packets_carry_the_same_sound(call, packet_ms):
    caller, callee = call({"packet_ms": packet_ms}, {"packet_ms": packet_ms})
    until(lambda: callee.speaker.loudest_hz() and abs(callee.speaker.loudest_hz() - 440) < 5)
    until(lambda: caller.session.stats().packets_sent >= 20)
    sent = caller.session.stats().packets_sent
    beats = len(caller.speaker.frames)  # of the sound device: at each, a frame is captured, too
    assert sent <= 1 + beats * FRAME_MS / packet_ms


def test_states_and_events_reach_the_hub_in_order(call):
    caller, callee = call()
    until(lambda: ("connection_state", "connected") in caller.events)  # the state is there before its event
    names = [event[:2] for event in caller.events if event[0] in ("signaling_state", "connection_state")]
    assert names == [
        ("signaling_state", "have-local-offer"),
        ("signaling_state", "stable"),
        ("connection_state", "connecting"),
        ("connection_state", "connected"),
    ]
    assert ("track", callee.session.remote_stream) in callee.events
    assert callee.session.signaling_state == "stable"


def test_far_ends_stream_is_there_when_all_is_agreed_on_however_busy_the_media_thread(bridge, monkeypatch):
    caller, callee = End(bridge), End(bridge)
    there = []
    caller.session.on("signaling_state", lambda state: there.append((state, caller.session.remote_stream is not None)))
    answer = callee.session.answer_offer(caller.session.create_offer())

    def agree_late(self, agreement):
        told = Event()
        bridge.post(gevent.spawn, told.set)  # behind whatever the hub was told before
        assert told.wait(PATIENCE_S)
        agree(self, agreement)

    agree = RtpEndpoint.agree
    monkeypatch.setattr(RtpEndpoint, "agree", agree_late)
    caller.session.apply_answer(answer)
    until(lambda: len(there) == 2)

    assert there == [("have-local-offer", False), ("stable", True)]
    caller.close()
    callee.close()


def test_offer_is_reported_before_it_is_returned(bridge):
    end = End(bridge)
    end.session.create_offer()
    assert end.session.signaling_state == "have-local-offer"
    assert ("signaling_state", "have-local-offer") in end.events
    end.close()


def test_muted_end_is_not_heard(call):
    caller, callee = call()
    until(lambda: callee.speaker.loudest_hz())
    caller.session.mute(True)
    until(lambda: callee.speaker.loudest_hz(0.2) is None)
    caller.session.mute(False)
    until(lambda: callee.speaker.loudest_hz())


def test_digits_arrive_as_events(call):
    caller, callee = call()
    assert caller.session.can_insert_dtmf
    caller.session.insert_dtmf("12#", 100, 50)
    until(lambda: [event[1] for event in callee.events if event[0] == "digit"] == ["1", "2", "#"])


def test_digits_that_are_said_while_the_path_is_gone_arrive_once(call):
    caller, callee = call({"disconnected_after_ms": 1500}, {"disconnected_after_ms": 1500})
    until(lambda: callee.speaker.loudest_hz() and caller.speaker.loudest_hz())
    caller.session.sever()
    caller.session.insert_dtmf("12")
    until(lambda: caller.session.ice_connection_state == callee.session.ice_connection_state == "disconnected")
    caller.session.insert_dtmf("3")
    offer = caller.session.create_restart_offer()
    caller.session.insert_dtmf("4")
    caller.session.apply_answer(callee.session.answer_offer(offer))
    caller.session.insert_dtmf("5")
    until(lambda: [event[1] for event in callee.events if event[0] == "digit"] == list("12345"))


def test_digits_that_are_said_before_the_path_is_there_arrive_once(bridge):
    caller, callee = End(bridge), End(bridge)
    try:
        caller.session.apply_answer(callee.session.answer_offer(caller.session.create_offer()))
        for digit in "123":
            caller.session.insert_dtmf(digit)
        until(lambda: [event[1] for event in callee.events if event[0] == "digit"] == list("123"))
    finally:
        caller.close()
        callee.close()


def test_figures_and_levels_are_counted(call):
    caller, callee = call()
    until(lambda: callee.session.stats().packets_received > 25)
    until(lambda: caller.session.stats().rtt_ms is not None)
    stats = caller.session.stats()
    assert stats.packets_lost == 0 and stats.bytes_sent > 0 and stats.jitter_ms < 100


def test_levels_are_taken_once_and_a_question_takes_none(call):
    caller, callee = call()
    until(lambda: callee.session.stats().packets_received > 25)
    before = caller.session.stats().packets_sent
    until(lambda: caller.session.stats().packets_sent > before + 15)
    taken = caller.session.take_snapshots()
    assert len(taken.input) >= 5
    assert taken.input[0].dtype == np.int16 and len(taken.input[0]) == 32
    assert len(caller.session.take_snapshots().input) < 3


def test_restart_within_a_call_keeps_the_sound(call):
    caller, callee = call({"disconnected_after_ms": 300}, {"disconnected_after_ms": 300})
    caller.session.sever()
    until(lambda: caller.session.ice_connection_state == callee.session.ice_connection_state == "disconnected")
    offer = caller.session.create_restart_offer()
    caller.session.apply_answer(callee.session.answer_offer(offer))
    until(lambda: caller.session.ice_connection_state == callee.session.ice_connection_state == "connected")
    callee.speaker.frames.clear()
    until(lambda: callee.speaker.loudest_hz() and abs(callee.speaker.loudest_hz() - 440) < 5)


def test_remote_stream_can_be_read(call):
    _, callee = call()
    frames = [callee.session.remote_stream.read(timeout_s=5) for _ in range(20)]
    assert {len(frame) for frame in frames} == {FRAME_BYTES}


def test_reading_ends_with_the_call(call):
    _, callee = call()
    stream = callee.session.remote_stream
    callee.session.close()
    until(lambda: stream.read(timeout_s=1) is None)


def test_written_frames_replace_the_microphone(call):
    caller, callee = call()
    until(lambda: callee.speaker.loudest_hz())
    pcm = tone(2_000)
    for start in range(0, len(pcm) - FRAME_BYTES, FRAME_BYTES):
        caller.session.local_stream.write(pcm[start : start + FRAME_BYTES])
    until(lambda: callee.speaker.loudest_hz(0.3) and abs(callee.speaker.loudest_hz(0.3) - 2_000) < 5)


def test_remote_stream_can_be_recorded(call, tmp_path):
    _, callee = call()
    stream = callee.session.remote_stream
    recorder = stream.record(tmp_path / "far.wav")
    for _ in range(10):
        assert stream.read(timeout_s=PATIENCE_S)
    recorder.close()
    with wave.open(str(tmp_path / "far.wav")) as file:
        assert file.getframerate() == 48_000 and file.getnframes() >= 10 * FRAME_SAMPLES


def test_call_goes_on_without_a_sound_device(bridge):
    caller = MediaSession(bridge, MediaSettings(), None)
    callee = End(bridge, 440)
    caller.open_capture()
    caller.apply_answer(callee.session.answer_offer(caller.create_offer()))
    until(lambda: callee.session.stats().packets_received > 10)
    until(lambda: caller.stats().packets_received > 10)
    caller.close()
    callee.close()


def test_lost_card_sends_silence(call):
    caller, callee = call()
    until(lambda: callee.speaker.loudest_hz())
    caller.sound.close()
    assert caller.sound.state is SoundState.CLOSED
    until(lambda: callee.speaker.loudest_hz(0.2) is None)
    received = callee.session.stats().packets_received
    until(lambda: callee.session.stats().packets_received > received + 20)


def test_next_call_keeps_the_card_when_the_one_before_is_closed_late(bridge):
    end, far = End(bridge, 440), End(bridge)
    late = MediaSession(bridge, MediaSettings(), end.sound)
    late.open_capture()
    far.session.apply_answer(late.answer_offer(far.session.create_offer()))
    end.session.close()
    until(lambda: far.speaker.loudest_hz())
    late.close()
    end.close()
    far.close()


def test_call_that_goes_on_has_the_card_to_itself_when_another_one_on_it_ends(bridge):
    shared, first, second = End(bridge, 440), End(bridge, 1_000), End(bridge, 2_000)
    later = MediaSession(bridge, MediaSettings(), shared.sound)
    later.open_capture({"deviceId": "another"})
    first.session.apply_answer(shared.session.answer_offer(first.session.create_offer()))
    second.session.apply_answer(later.answer_offer(second.session.create_offer()))
    until(lambda: first.speaker.loudest_hz() and second.speaker.loudest_hz())
    assert shared.sound.constraints == {"deviceId": "another"}
    later.close()
    first.speaker.frames.clear()
    until(lambda: first.speaker.loudest_hz() and abs(first.speaker.loudest_hz() - 440) < 5)
    until(lambda: shared.speaker.loudest_hz() and abs(shared.speaker.loudest_hz() - 1_000) < 5)
    assert shared.sound.constraints == {}
    for end in (shared, first, second):
        end.close()


def test_forbidden_card_is_a_denied_capture(bridge):
    class Forbidden(WavSound):
        def start(self):
            raise SoundDeniedError("may not")

    session = MediaSession(bridge, MediaSettings(), Forbidden())
    with pytest.raises(CaptureDeniedError):
        session.open_capture()
    session.close()


def test_unusable_description_is_refused(bridge):
    end = End(bridge)
    with pytest.raises(SdpError):
        end.session.answer_offer("nonsense")
    end.close()


def test_closed_session_refuses_work(bridge):
    end = End(bridge)
    end.close()
    end.close()
    with pytest.raises(InvalidStateError):
        end.session.create_offer()


def test_listener_that_blocks_delays_only_events(bridge):
    end = End(bridge)
    seen = []
    end.session.on("signaling_state", lambda state: (gevent.sleep(0.05), seen.append(state)))
    assert end.session.create_offer()
    until(lambda: seen == ["have-local-offer"])
    end.close()
