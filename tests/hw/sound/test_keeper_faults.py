"""The thread that keeps the card survives what the kernel, a card or a listener comes up with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest

from hw.sound import presence
from hw.sound.card import AlsaSound
from hw.sound.interface import SoundState
from hw.sound.presence import card_numbers, fingerprint, holder, occupied
from hw.sound.settings import SoundSettings

PATIENCE_S = 30.0
CUT = b" 0 [Headset        ]: USB-Audio - Kopfh\xc3\xb6rer Gro\xc3\n                      Vendor \xff\xfe at usb\n"


@pytest.fixture
def asound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The kernel's view of a card whose name is cut in the middle of a letter."""
    (tmp_path / "cards").write_bytes(CUT)
    sub = tmp_path / "card0" / "pcm0c" / "sub0"
    sub.mkdir(parents=True)
    (sub / "status").write_bytes(b"state: \xff\nowner_pid   : 1\n")
    monkeypatch.setattr(presence, "CARDS", tmp_path / "cards")
    return tmp_path


def test_a_cards_name_may_be_cut_within_a_letter(asound: Path) -> None:
    assert card_numbers() == {"Headset": 0}
    assert "Kopfhörer Gro\ufffd" in str(fingerprint()[0])
    assert occupied(asound) == [("card0/pcm0c", 1)]
    assert holder("Kopfhörer", True, asound).endswith("(process 1)")


class Listener:
    """Hears what the sound device reports, and raises what a test wants."""

    def __init__(self, failure: Callable[[], BaseException]) -> None:
        self._failure = failure
        self.states: list[SoundState] = []
        self.heard = threading.Condition()

    def __call__(self, state: SoundState, why: str) -> None:
        with self.heard:
            self.states.append(state)
            self.heard.notify_all()
        raise self._failure()

    def until(self, count: int) -> None:
        with self.heard:
            assert self.heard.wait_for(lambda: len(self.states) >= count, PATIENCE_S), self.states


@pytest.fixture
def sound(asound: Path) -> Iterator[AlsaSound]:
    sound = AlsaSound(SoundSettings(capture="no such card", playback="no such card", retry_max_ms=100, echo="none"))
    yield sound
    sound.close()


@pytest.mark.parametrize("failure", [ValueError, gevent.Timeout, SystemExit, KeyboardInterrupt])
def test_a_listener_that_raises_does_not_end_the_search_for_a_card(
    sound: AlsaSound, failure: type[BaseException]
) -> None:
    listener = Listener(failure)
    sound.on_state = listener

    sound.start()
    listener.until(2)
    sound.select(capture="another that does not exist")
    listener.until(3)

    assert listener.states[:2] == [SoundState.OPENING, SoundState.LOST]
    assert any(thread.name == "sound-keeper" and thread.is_alive() for thread in threading.enumerate())


def test_whatever_breaks_while_looking_is_lost_and_not_opening_for_ever(
    sound: AlsaSound, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> tuple[object, ...]:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    monkeypatch.setattr("hw.sound.card_keeper.fingerprint", broken)
    listener = Listener(ValueError)
    sound.on_state = listener

    sound.start()
    listener.until(3)

    assert sound.state is SoundState.LOST
    assert any(thread.name == "sound-keeper" and thread.is_alive() for thread in threading.enumerate())


def test_without_a_free_file_descriptor_the_card_waits_for_one(
    sound: AlsaSound, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def none_left(*_arguments: int) -> int:
        tried.set()
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as short:
        short.setattr("hw.sound.card_news.os.eventfd", none_left)
        short.setattr("hw.sound.card_keeper.FAULT_PAUSE_S", 0.05)
        listener = Listener(ValueError)
        sound.on_state = listener
        sound.start()
        assert tried.wait(PATIENCE_S)
        listener.until(1)
        assert "Too many open files" in sound.reason
    listener.until(2)
    assert "no such card" in sound.reason
