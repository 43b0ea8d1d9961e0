"""The ear of the stage hears what went by while nobody could look, and only that."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.mailbox import Mailbox
from hw.sound.frame import FRAME_BYTES
from tests.kiosk.ear import WINDOW, Ear
from tests.kiosk.stage import tone


@pytest.fixture
def ear() -> Iterator[Ear]:
    with Mailbox() as mailbox:
        yield Ear(mailbox, lambda: None)


def plays(ear: Ear, *hz: int, frames: int = 2 * WINDOW) -> None:
    """Let it hear these notes one after the other; 0 is silence."""
    for one in hz:
        sound = tone(one)
        for at in range(frames):
            ear(sound[at * FRAME_BYTES : (at + 1) * FRAME_BYTES])


def test_a_tone_that_was_over_before_anybody_looked_was_heard_once(ear: Ear) -> None:
    heard = ear.listen((700,), (1000,))
    plays(ear, 0, 1000, 0)

    assert not ear.hears(1000)
    assert heard()
    assert not heard()


def test_what_sounded_before_is_not_heard_but_what_sounds_on(ear: Ear) -> None:
    plays(ear, 1000, 0)
    assert not ear.listen((1000,))()

    plays(ear, 1000)
    assert ear.listen((1000,))()
