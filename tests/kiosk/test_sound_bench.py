"""The box's sound under test: a tone that its own microphone looks for, never in a call."""

from __future__ import annotations

from typing import Any

import pytest

from agent.doctor import sound as doctor_sound
from agent.errors import InvalidStateError
from hw.sound.pcm import scaled
from tests.kiosk.stage import BOX_HZ, VISITOR_HZ, Box, Phone, Site


def echoing(box: Box, gain: float = 0.25) -> None:
    """Let the microphone hear the speaker."""
    hear = box.ear

    def both(frame: bytes) -> None:
        hear(frame)
        box.sound.speak(scaled(frame, gain))

    box.sound.hear(both)


def tested(box: Box) -> Any:
    return box.kiosk.box.sound()["tone"]["tested"]


@pytest.fixture
def quiet(site: Site) -> Box:
    """A box whose microphone hears nothing but its own speaker."""
    box = site.box(capture=b"")
    echoing(box)
    return box


def test_the_test_tone_is_played_and_heard(quiet: Box) -> None:
    quiet.kiosk.box.play_tone()
    assert quiet.kiosk.box.sound()["tone"]["is_playing"]
    with pytest.raises(InvalidStateError, match="already"):
        quiet.kiosk.box.play_tone()
    quiet.until_told("test tone heard -12 dB")
    assert tested(quiet)["outcome"] == "ok"
    assert not quiet.kiosk.box.sound()["tone"]["is_playing"]


def test_a_microphone_that_hears_nothing_is_told_with_a_remedy(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_sound, "LISTEN_S", 0.9)
    box = site.box(capture=b"")
    box.kiosk.box.play_tone()
    box.until_told("test tone the microphone does not hear the speaker")
    assert "speaker" in tested(box)["remedy"]


def test_no_tone_is_played_in_a_call_nor_while_it_rings(box: Box, visitor: Phone) -> None:
    visitor.dial()
    box.until_shows("ringing")
    for _ in range(2):
        with pytest.raises(InvalidStateError, match="not played in a call"):
            box.kiosk.box.play_tone()
        box.press("accept")
        box.until_shows("in_call")
    assert tested(box) is None


def test_a_call_that_comes_meanwhile_has_the_sound_card(
    box: Box, visitor: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_sound, "LISTEN_S", 60.0)
    box.kiosk.box.play_tone()
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    visitor.until_hears(BOX_HZ)
    box.until_hears(VISITOR_HZ)
    box.press("hangup")
    box.until_told("test tone it was broken off")
    assert tested(box)["outcome"] == "warning"
    box.until_calm()


def test_without_a_card_it_is_said_why_there_is_no_tone(box: Box) -> None:
    box.sound.pull_out()
    with pytest.raises(InvalidStateError, match="the sound is lost"):
        box.kiosk.box.play_tone()


def test_a_box_without_a_card_lists_none(box: Box) -> None:
    assert box.kiosk.box.sound()["devices"] == []
