"""A sound card that this user may not open; the machine of the tests lets everybody, so the refusal is played."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import pytest

from hw.errors import SoundDeniedError, SoundError
from hw.sound.card import AlsaSound
from hw.sound.interface import SoundState
from hw.sound.settings import SoundSettings


def lost(monkeypatch: pytest.MonkeyPatch, error: SoundError) -> AlsaSound:
    """A card whose first attempt to be opened has failed."""

    def refuse(*_args: Any) -> Any:
        raise error

    monkeypatch.setattr("hw.sound.card_keeper.open_card", refuse)
    sound, told = AlsaSound(SoundSettings()), threading.Event()
    sound.on_state = lambda state, _why: told.set() if state is SoundState.LOST else None
    with suppress(SoundDeniedError):  # it may be known by the time that `start` looks
        sound.start()
    assert told.wait(30)
    return sound


def test_a_call_that_asks_for_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    error = SoundDeniedError("add this user to the group `audio`")
    with lost(monkeypatch, error) as sound, pytest.raises(SoundDeniedError, match="group `audio`"):
        sound.start()


def test_a_card_that_is_only_lost_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with lost(monkeypatch, SoundError("there is no microphone called 'usb'")) as sound:
        sound.start()
        assert sound.state is SoundState.LOST
