"""A card that nobody uses rests: nothing is lost when it starts, and nothing goes unnoticed meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bench.rig.live_echo import energy_db, talking
from bench.rig.resting_card import WORD, RestingCard, RestLog, Woken
from bench.rig.speech import FAR, spoken
from bench.rig.virtual_cards import shared_cards
from hw.sound import card_rest
from hw.sound.frame import RATE_HZ
from hw.sound.interface import SoundState
from hw.sound.portaudio import OpenCard
from hw.sound.portaudio_thread import shared_control

pytestmark = pytest.mark.sound

AFTER_S = 0.2
PATIENCE_S = 30.0
RESTS = 30
ERLE_DB = 25
TRIES = 4  # of one word, on a machine that others use


class States:
    """What a card reported."""

    def __init__(self) -> None:
        self.told: list[tuple[SoundState, str]] = []
        self.changed = threading.Condition()

    def __call__(self, state: SoundState, why: str) -> None:
        with self.changed:
            self.told.append((state, why))
            self.changed.notify_all()

    def wait(self, state: SoundState, since: int = 0) -> str:
        """Wait until `state` was reported, after so many reports; why."""

        def found() -> list[str]:
            return [why for one, why in self.told[since:] if one is state]

        with self.changed:
            assert self.changed.wait_for(found, PATIENCE_S), f"never {state}: {self.told[since:]}"
            return found()[0]


@pytest.fixture
def states() -> States:
    return States()


@pytest.fixture
def card(states: States) -> Iterator[RestingCard]:
    shared_cards()
    with RestingCard(AFTER_S, states) as card:
        yield card
    shared_cards()


@pytest.fixture
def impatient(states: States) -> Iterator[RestingCard]:
    """A card whose sound server is given a second, for those who stop it."""
    cards = shared_cards()
    with RestingCard(AFTER_S, states, call_limit_ms=1_000) as card:
        yield card
        cards.unwedge()


def is_whole(attempt: Callable[[], Woken]) -> bool:
    """Whether one of a few attempts is: a sound server that others hold up drops sound, too."""
    return any(attempt().is_whole for _ in range(TRIES))


def test_the_first_word_after_a_rest_is_whole(card: RestingCard) -> None:
    woken = [card.call() if number % 2 else card.ring() for number in range(RESTS)]
    assert all(one.was_given for one in woken)
    assert sum(one.is_whole for one in woken) >= RESTS * 0.8  # what the server of a busy machine swallows is not ours
    assert (card.sound.stats().opened, card.sound.stats().lost) == (1, 0)


def test_a_tone_shorter_than_what_waits_for_the_card_starts_it_too(card: RestingCard) -> None:
    card.until_rest()
    playing = card.sound.mixer.play(WORD[: RATE_HZ // 50].tobytes())
    rings = card.sound._rings
    card._rests.began.clear()
    card.until_rest()  # it was started, and rests again
    assert playing.done
    assert rings.playback.tones_ms() == 0


def test_far_end_speech_starts_the_card(card: RestingCard) -> None:
    card.until_rest()
    card._rests.began.clear()
    card.sound.write(bytes(1920))
    card.until_rest()
    assert card.sound.queued_ms() == 0


def test_a_rest_is_a_sign_of_life_and_open(impatient: RestingCard, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient.until_rest()
    keeper = impatient.sound._keeper
    monkeypatch.setattr(keeper, "_paused_at", time.monotonic() - 3600)
    monkeypatch.setattr(keeper.rest, "ended_at", time.monotonic() - 3600)
    monkeypatch.setattr(shared_control(), "last_done", time.monotonic() - 3600)
    assert impatient.sound.state is SoundState.OPEN
    assert impatient.sound.progress_s() == 0.0
    impatient.cards.wedge()
    impatient.sound.mixer.play(WORD.tobytes())
    assert 0 <= impatient.sound.progress_s() < 30  # it is asked for since now, whatever came before


def test_nobody_wakes_up_while_it_rests(card: RestingCard) -> None:
    def slept() -> dict[int, int]:
        found = {}
        for thread in threading.enumerate():
            if thread.name in ("sound-keeper", "sound-dsp", "sound-control"):
                status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
                found[thread.native_id or 0] = int(status.split("\nvoluntary_ctxt_switches:\t")[1].split()[0])
        return found

    card.until_rest()
    rested = threading.Event()
    rested.wait(0.5)  # the messages about the streams that have just stopped
    before = slept()
    rested.wait(1.0)
    assert len(before) == 3
    assert slept() == before


def test_a_killed_sound_server_is_noticed_at_rest_and_the_next_one_is_used(card: RestingCard, states: States) -> None:
    card.until_rest()
    seen = len(states.told)
    card.cards.kill()
    states.wait(SoundState.LOST, seen)
    shared_cards()
    states.wait(SoundState.OPEN, seen)
    card._rests.began.clear()
    card.until_rest()
    assert is_whole(card.call)


def test_a_card_that_is_pulled_at_rest_is_noticed_and_used_again_when_it_is_back(
    card: RestingCard, states: States
) -> None:
    card.until_rest()
    seen = len(states.told)
    try:
        card.cards.unplug()
        states.wait(SoundState.LOST, seen)
        card.cards.plug()
        states.wait(SoundState.OPEN, seen)
        card._rests.began.clear()
        assert is_whole(card.call)
    finally:
        card.cards.kill()  # the modules are in another order now
        shared_cards()


def test_another_card_that_comes_at_rest_disturbs_nobody(card: RestingCard, states: States) -> None:
    card.until_rest()
    seen = len(states.told)
    card._rests.began.clear()
    module = card.cards.pactl("load-module", "module-null-sink", "sink_name=another")
    try:
        card.until_rest()  # it was opened anew, and rests again
        assert states.told[seen:] == []
    finally:
        card.cards.pactl("unload-module", module)


def test_a_server_that_stands_still_is_found_out_by_the_first_ring(impatient: RestingCard, states: States) -> None:
    impatient.until_rest()
    seen = len(states.told)
    impatient.cards.wedge()
    impatient.sound.mixer.play(WORD.tobytes(), loop=True)
    assert "did not answer" in states.wait(SoundState.LOST, seen)
    impatient.cards.unwedge()
    states.wait(SoundState.OPEN, seen)


def test_a_call_at_rest_hears_silence_when_the_card_does_not_start(impatient: RestingCard, states: States) -> None:
    impatient.until_rest()
    impatient.cards.wedge()
    heard = threading.Event()
    impatient.sound.set_capture(lambda frame: heard.set())
    assert heard.wait(PATIENCE_S)


def test_closing_and_choosing_another_card_need_no_start(
    card: RestingCard, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    card.until_rest()
    seen = len(states.told)
    card.sound.select(capture="vmic_b")
    states.wait(SoundState.OPEN, seen)
    assert card.sound.stats().devices["capture"] == "vmic_b"
    card._rests.began.clear()
    card.until_rest()
    starts: list[OpenCard] = []
    monkeypatch.setattr(OpenCard, "start", starts.append)
    card.sound.close()
    assert card.sound.state is SoundState.CLOSED
    keeping: Any = card.sound._keeper._thread
    keeping.join(PATIENCE_S)
    assert (keeping.is_alive(), starts) == (False, [])


def test_volume_and_mute_outlast_a_rest(card: RestingCard) -> None:
    card.until_rest()
    card.sound.set_gain(0.0)
    card.sound.mixer.gain = 0.0
    card._rests.began.clear()
    card.sound.mixer.play(WORD.tobytes())
    card.until_rest()
    assert not card._given.has_beginning()
    card.sound.mixer.gain = 1.0
    assert is_whole(card.ring)


class AfterRest(NamedTuple):
    """How much of an echo was taken out some seconds after a rest, and whether nothing held the card up meanwhile."""

    erle_db: float
    was_calm: bool


def after_a_rest() -> AfterRest:
    rests = RestLog()
    try:
        with talking(spoken(FAR, seconds=20.0)) as talk:
            talk.wait(5.0)
            for sound in (talk.sound, talk.raw):
                sound.set_capture(None)
            assert rests.began.wait(PATIENCE_S)
            said = len(talk.clean_pcm) / 2 / RATE_HZ
            del talk.raw_pcm[len(talk.clean_pcm) :]
            talk.raw.set_capture(talk.raw_pcm.extend)
            talk.sound.set_capture(talk.captured)
            talk.wait(said + 7.0)
            raw, clean = talk.since(said + 3.0)
            troubles = talk.troubles[round((said + 2.0) * 50) :]
    finally:
        rests.close()
    return AfterRest(energy_db(raw) - energy_db(clean), len(set(troubles)) == 1)


def test_the_echo_is_cancelled_after_a_rest_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_rest, "AFTER_S", AFTER_S)
    runs = []
    for _ in range(TRIES):
        runs.append(after_a_rest())
        if runs[-1].erle_db > ERLE_DB:
            return
    calm = any(run.was_calm for run in runs)
    pytest.fail(f"the echo comes back: {runs}" if calm else f"this machine is too busy: {runs}")
