"""AlsaSound on virtual cards: opening, tones, missing halves, and every way to lose a card."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from bench.rig.virtual_cards import VirtualCards, shared_cards
from hw.sound import card_keeper, tones
from hw.sound.card import AlsaSound, available_devices
from hw.sound.devices import SoundDevice
from hw.sound.frame import FRAME_BYTES, FRAME_MS, SILENCE
from hw.sound.interface import SoundState
from hw.sound.portaudio import OpenCard
from hw.sound.portaudio_thread import shared_control
from hw.sound.settings import SoundSettings

pytestmark = pytest.mark.sound

PATIENCE_S = 30.0


@pytest.fixture
def cards() -> Iterator[VirtualCards]:
    yield shared_cards()
    shared_cards()  # a server that the test killed is back for the next one


class Box:
    """A started sound card, what it reported and what it heard."""

    def __init__(self, capture: str = "vmic_a", playback: str = "vspk_a", **settings: object) -> None:
        chosen = {"echo": "none", "noise_suppression": False, "retry_max_ms": 500, "capture": capture}
        self.sound = AlsaSound(SoundSettings(**(chosen | {"playback": playback} | settings)))  # type: ignore[arg-type]
        self.changed = threading.Condition()
        self.states: list[tuple[SoundState, str]] = []
        self.frames: list[bytes] = []
        self.sound.on_state = self._on_state

    def _on_state(self, state: SoundState, why: str) -> None:
        with self.changed:
            self.states.append((state, why))
            self.changed.notify_all()

    def _on_frame(self, frame: bytes) -> None:
        with self.changed:
            self.frames.append(frame)
            self.changed.notify_all()

    def __enter__(self) -> Box:
        self.sound.set_capture(self._on_frame)
        self.sound.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.sound.close()

    def wait(self, what: str, happened: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(happened, PATIENCE_S), f"never: {what}; {self.states}"

    def wait_state(self, state: SoundState) -> str:
        self.wait(state.value, lambda: self.sound.state is state)
        return self.sound.reason

    def wait_frames(self, count: int) -> bytes:
        seen = len(self.frames)
        self.wait(f"{count} frames", lambda: len(self.frames) >= seen + count)
        return b"".join(self.frames[seen:])

    def wait_loud(self) -> None:
        self.wait("sound in the microphone", lambda: loudness(b"".join(self.frames[-5:])) > 500)


def loudness(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return float(np.sqrt((samples**2).mean())) if len(samples) else 0.0


def loudest_hz(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples))))) * 48_000 / len(samples))


@pytest.fixture
def echoing(cards: VirtualCards) -> Iterator[VirtualCards]:
    module = cards.echo_path("a")
    yield cards
    cards.pactl("unload-module", module)


@pytest.mark.parametrize("period_ms", [5, 10, 20, 40])
def test_a_tone_goes_out_of_the_speaker_and_into_the_microphone(echoing: VirtualCards, period_ms: int) -> None:
    with Box(period_ms=period_ms) as box:
        box.wait_state(SoundState.OPEN)
        box.sound.mixer.play(tones.probe(), loop=True)
        box.wait_loud()
        heard = box.wait_frames(30)
    assert loudest_hz(heard) == pytest.approx(1000, abs=10)
    assert {len(frame) for frame in box.frames} == {FRAME_BYTES}


def test_far_end_speech_is_played(echoing: VirtualCards) -> None:
    tone = np.frombuffer(tones.probe(), "<i2")
    with Box() as box:
        box.wait_state(SoundState.OPEN)
        for at in range(0, len(tone) - 960, 960):
            box.sound.write(tone[at : at + 960].tobytes())
            if at >= 4 * 960:
                box.wait_frames(1)
        assert box.sound.queued_ms() <= 400
        box.sound.flush()
        assert box.sound.queued_ms() == 0
    assert max(loudness(frame) for frame in box.frames) > 500


def test_states_are_reported_in_order(cards: VirtualCards) -> None:
    with Box() as box:
        box.wait_state(SoundState.OPEN)
    assert [state for state, _ in box.states] == [SoundState.OPENING, SoundState.OPEN, SoundState.CLOSED]


def test_starting_and_closing_twice_is_harmless_and_a_closed_card_stays_closed(cards: VirtualCards) -> None:
    with Box() as box:
        box.sound.start()
        box.wait_state(SoundState.OPEN)
        box.sound.close()
        box.sound.start()
        assert box.sound.state is SoundState.CLOSED


def test_one_process_can_have_two_boxes(cards: VirtualCards) -> None:
    with Box() as first, Box("vmic_b", "vspk_b") as second:
        first.wait_state(SoundState.OPEN)
        second.wait_state(SoundState.OPEN)


def test_the_devices_are_listed_by_name(cards: VirtualCards) -> None:
    assert {"vmic_a", "vspk_a", "vmic_b", "vspk_b"} <= {device.name for device in available_devices()}


def test_without_any_card_silence_flows_at_the_pace_of_the_clock_and_attempts_go_on(cards: VirtualCards) -> None:
    began = time.monotonic()
    with Box("missing_mic", "missing_speaker") as box:
        why = box.wait_state(SoundState.LOST)
        heard = box.wait_frames(25)
        assert len(box.frames) <= (time.monotonic() - began) * 1000 / FRAME_MS + 2
        assert heard == SILENCE * (len(heard) // FRAME_BYTES)
        assert "missing_mic" in why
        assert "missing_speaker" in why
        assert "vmic_a" in why  # those that exist
        box.wait("an attempt", lambda: box.sound.progress_s() < 1)


def test_while_no_card_plays_the_far_end_does_not_pile_up(cards: VirtualCards) -> None:
    with Box("missing_mic", "missing_speaker") as box:
        box.wait_state(SoundState.LOST)
        for _ in range(10):
            box.sound.write(SILENCE)
        box.wait("an empty ring", lambda: box.sound.queued_ms() == 0)


def test_a_missing_microphone_leaves_the_speaker_working(cards: VirtualCards) -> None:
    with Box("missing_mic", "vspk_a") as box:
        assert "missing_mic" in box.wait_state(SoundState.LOST)
        assert box.sound.stats().devices == {"playback": "vspk_a"}
        assert box.wait_frames(10) == SILENCE * 10


def test_a_missing_speaker_leaves_the_microphone_working(echoing: VirtualCards) -> None:
    with Box("vmic_a", "missing_speaker") as listener, Box("none", "vspk_a") as player:
        listener.wait_state(SoundState.LOST)
        player.wait_state(SoundState.OPEN)
        player.sound.mixer.play(tones.probe(), loop=True)
        listener.wait_loud()


def test_a_box_without_a_microphone_is_whole_when_none_is_configured(cards: VirtualCards) -> None:
    with Box("none", "vspk_a") as box:
        box.wait_state(SoundState.OPEN)
        assert box.wait_frames(10) == SILENCE * 10


def test_the_ring_plays_on_its_own_device(cards: VirtualCards) -> None:
    module = cards.echo_path("b")
    try:
        with Box("vmic_b", "vspk_a", ring="vspk_b") as box:
            box.wait_state(SoundState.OPEN)
            playing = box.sound.mixer.play(tones.probe(), loop=True, ring=True)
            box.wait_loud()
            playing.stop()
            box.wait("the end of the ring", lambda: loudness(b"".join(box.frames[-5:])) < 100)
    finally:
        cards.pactl("unload-module", module)


def test_a_lost_ring_device_lets_the_speaker_ring(echoing: VirtualCards) -> None:
    with Box(ring="missing_ring") as box:
        box.wait_state(SoundState.LOST)
        box.sound.mixer.play(tones.probe(), loop=True, ring=True)
        box.wait_loud()


def test_another_device_can_be_chosen_while_it_runs(cards: VirtualCards) -> None:
    with Box() as box:
        box.wait_state(SoundState.OPEN)
        box.sound.configure({"deviceId": {"exact": "vmic_b"}})
        box.wait("the other microphone", lambda: box.sound.stats().devices.get("capture") == "vmic_b")
        box.wait_state(SoundState.OPEN)


def lose_and_find_again(box: Box, lose: Callable[[], None], find: Callable[[], None]) -> None:
    """Whatever happens to the card: silence, a report, and sound again once it is back."""
    box.wait_state(SoundState.OPEN)
    lose()
    box.wait_state(SoundState.LOST)
    assert set(box.wait_frames(10)) == {0}
    find()
    box.wait_state(SoundState.OPEN)
    box.wait_frames(10)


def test_a_killed_sound_server_is_survived(cards: VirtualCards) -> None:
    with Box() as box:
        lose_and_find_again(box, cards.kill, cards.start)
    assert not box.sound.wedged


def test_an_unplugged_card_is_opened_again_when_it_is_plugged(cards: VirtualCards) -> None:
    with Box() as box:
        try:
            lose_and_find_again(box, cards.unplug, cards.plug)
        finally:
            cards.kill()  # the modules are in another order now


def test_a_wedged_sound_server_is_reported_and_closing_does_not_wait_for_it(cards: VirtualCards) -> None:
    with Box(call_limit_ms=1_000) as box:
        box.wait_state(SoundState.OPEN)
        cards.wedge()
        try:
            box.wait_state(SoundState.LOST)
            box.wait("the wedge", lambda: box.sound.wedged)
            assert set(box.wait_frames(10)) == {0}
            before = box.sound.progress_s()
            box.wait("no sign of life", lambda: box.sound.progress_s() > before + 0.5)
            box.sound.close()
            assert box.sound.wedged  # it was given up after
            assert card_keeper.CLOSE_LIMIT_S + card_keeper.LOOK_S < 2
        finally:
            cards.unwedge()


def test_a_card_that_was_open_for_long_is_missed_only_since_it_stopped(cards: VirtualCards) -> None:
    with Box(call_limit_ms=1_000) as box:
        box.wait_state(SoundState.OPEN)
        shared_control().last_done = time.monotonic() - 3600
        cards.wedge()
        try:
            box.wait("the wedge", lambda: box.sound.wedged)
            box.wait_frames(10)
            assert box.sound.progress_s() < 30
        finally:
            cards.unwedge()


def test_a_sound_server_that_wakes_up_again_is_used_again(cards: VirtualCards) -> None:
    with Box(call_limit_ms=1_000) as box:
        box.wait_state(SoundState.OPEN)
        cards.wedge()
        try:
            box.wait("the wedge", lambda: box.sound.wedged)
        finally:
            cards.unwedge()
        box.wait_state(SoundState.OPEN)
        assert not box.sound.wedged


def test_a_sound_server_that_hangs_from_the_beginning_is_waited_for(cards: VirtualCards) -> None:
    cards.wedge()
    try:
        with Box(call_limit_ms=1_000) as box:
            box.wait("the wedge", lambda: box.sound.wedged)
            box.wait_frames(75)
            box.wait("waiting counts as progress", lambda: box.sound.progress_s() < 0.9)

            cards.unwedge()
            box.wait_state(SoundState.OPEN)
    finally:
        cards.unwedge()


def test_the_chosen_microphone_outlasts_a_call_that_wanted_another_one(cards: VirtualCards) -> None:
    with Box() as box:
        box.sound.select(capture="vmic_b")
        box.sound.configure({"deviceId": "vwire_a"})
        box.wait("the call's microphone", lambda: box.sound.stats().devices.get("capture") == "vwire_a")
        box.sound.configure(None)
        box.wait("the chosen microphone", lambda: box.sound.stats().devices.get("capture") == "vmic_b")
        box.sound.select(capture="default")
        box.wait("the configured microphone", lambda: box.sound.stats().devices.get("capture") == "vmic_a")


def test_a_canceller_that_is_not_installed_is_replaced(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    sound = AlsaSound(SoundSettings(echo="webrtc"))
    assert sound.stats().canceller == "speex"
    assert "webrtc is not installed" in caplog.text


def test_while_there_is_no_card_waiting_for_one_counts_as_progress(cards: VirtualCards) -> None:
    with Box("missing_mic", "missing_speaker", retry_max_ms=60_000) as box:
        box.wait_state(SoundState.LOST)
        box.wait_frames(75)
        box.wait("waiting counts as progress", lambda: box.sound.progress_s() < 0.9)


def test_a_sound_server_that_starts_is_noticed_at_once(cards: VirtualCards) -> None:
    cards.kill()
    with Box(retry_max_ms=60_000) as box:
        box.wait_state(SoundState.LOST)
        box.wait_frames(100)  # by now the pauses are longer than this test has patience
        cards.start()
        box.wait_state(SoundState.OPEN)


class NotedStream:
    """Notes when it is started and stopped."""

    def __init__(self, role: str, noted: list[str]) -> None:
        self.start_stream, self.stop_stream = (lambda: noted.append(f"{role} starts")), (lambda: noted.append(role))

    def close(self) -> None:
        pass


def test_whatever_sounds_is_started_before_the_microphone() -> None:
    noted: list[str] = []
    card = OpenCard(SimpleNamespace(terminate=lambda: None), 0)  # type: ignore[arg-type]
    for role in ("capture", "playback", "ring"):
        card.add(role, SoundDevice(0, role, 1, 1, 48_000), NotedStream(role, noted))
    card.start()
    card.close()
    assert noted == ["playback starts", "ring starts", "capture starts"]
