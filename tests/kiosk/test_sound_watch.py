"""Sound that never comes, or that dies without a word, is shown: nothing is healthy for ever by its last word."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.kiosk import sound_watch
from agent.kiosk.box_events import Noticeboard
from agent.kiosk.box_state import Situation
from agent.kiosk.sound_watch import SoundWatch
from hw.sound.interface import SoundState
from hw.sound.settings import SoundSettings
from hw.sound.wav_sound import WavSound

SETTINGS = SoundSettings(call_limit_ms=1_000, start_grace_ms=500, stall_ms=500)


class Card(WavSound):
    """A device whose state and signs of life are what a test says."""

    said, silent_s, starts = SoundState.OPENING, 0.0, 0

    @property
    def state(self) -> SoundState:
        return self.said

    def progress_s(self) -> float:
        return self.silent_s

    def start(self) -> None:
        self.starts += 1


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    at = [100.0]
    monkeypatch.setattr(sound_watch, "monotonic", lambda: at[0])
    yield at


def test_a_card_that_opens_for_ever_is_no_sound(now: list[float]) -> None:
    card, board = Card(), Noticeboard(Situation(booting=False))
    watch = SoundWatch(card, SETTINGS, board)

    watch.look()
    assert board.situation.sound_ok

    now[0] += 10
    watch.look()
    assert not board.situation.sound_ok
    assert "did not open within 3 s" in board.situation.troubles["sound"]
    assert {"no_sound", "error"} <= board.situation.light_states()
    assert card.starts == 1

    card.said = SoundState.OPEN
    watch.look()
    assert board.situation.sound_ok
    assert not board.situation.troubles


@pytest.mark.parametrize("state", [SoundState.OPEN, SoundState.LOST, SoundState.OPENING])
def test_a_device_without_a_sign_of_life_is_no_sound_and_is_started_again(
    now: list[float], state: SoundState
) -> None:
    card, board = Card(), Noticeboard(Situation(booting=False))
    watch = SoundWatch(card, SETTINGS, board)
    card.said, card.silent_s = state, 31.0

    watch.look()

    assert not board.situation.sound_ok
    assert "no sign of life" in board.situation.troubles["sound"]
    assert card.starts == 1


def test_a_card_that_is_lost_is_no_sound_and_no_trouble(now: list[float]) -> None:
    card, board = Card(), Noticeboard(Situation(booting=False))
    card.said = SoundState.LOST

    SoundWatch(card, SETTINGS, board).look()

    assert not board.situation.sound_ok
    assert not board.situation.troubles
