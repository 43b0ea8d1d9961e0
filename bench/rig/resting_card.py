"""A virtual card that rests again and again, and two ears: one at its speaker, one behind its microphone.

The microphone hears the speaker as by a wire. A word is a burst of noise; its beginning is looked for in what is heard.
"""

from __future__ import annotations

import logging
import math
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bench.rig.orphans import die_with_parent
from bench.rig.virtual_cards import shared_cards
from hw.closing import Closing
from hw.sound import card_rest
from hw.sound.card import AlsaSound
from hw.sound.frame import RATE_HZ
from hw.sound.settings import SoundSettings

WORD_S = 0.2
BEGINNING = RATE_HZ // 20  # 50 ms, and so is each other piece of a word
HEARD_S = 3.0  # so long a word may be on its way
ALIKE = 0.8
WORD = (np.random.default_rng(15).standard_normal(round(WORD_S * RATE_HZ)) * 4_000).astype("<i2")
PIECES = [WORD[at : at + BEGINNING] for at in range(0, len(WORD), BEGINNING)]
READ_BYTES = 1920
LOOK_BYTES = RATE_HZ // 10 * 2  # after so much more it is worth while to look again
PATIENCE_S = 20.0
AWAKE_S = 0.3


def likeness(heard: bytes, said: npt.NDArray[np.int16]) -> float:
    """How alike `said` is to the most alike piece of `heard`, 0 to 1; noise is alike to nothing but itself."""
    ear, word = np.frombuffer(heard, "<i2").astype(float), said.astype(float)
    if len(ear) < len(word):
        return 0.0
    size = 1 << (len(ear) + len(word)).bit_length()
    together = np.fft.irfft(np.fft.rfft(ear, size) * np.conj(np.fft.rfft(word, size)), size)[: len(ear) - len(word) + 1]
    power = np.concatenate(([0.0], np.cumsum(ear**2)))
    nearby = power[len(word) :] - power[: -len(word)]
    return float(np.max(together / np.sqrt(np.maximum(nearby, 1.0) * np.sum(word**2))))


class Ear:
    """Keeps the last seconds of what it hears; any thread. Whoever brings sound never waits for a look at it."""

    def __init__(self, kept_s: float = 2 * HEARD_S) -> None:
        self._most_bytes = round(kept_s * RATE_HZ) * 2
        self._heard, self._count = bytearray(), 0
        self._more = threading.Condition()

    def __call__(self, pcm: bytes) -> None:
        with self._more:
            self._heard += pcm
            self._count += len(pcm)
            del self._heard[: -self._most_bytes]
            self._more.notify_all()

    def clear(self) -> None:
        """Forget."""
        with self._more:
            self._heard.clear()

    def hears(self) -> tuple[bool, ...]:
        """Wait until the end of the word was heard, or would have been; which of its pieces were."""
        until = time.monotonic() + HEARD_S
        while time.monotonic() < until and not self._has(PIECES[-1]):
            self._wait_for_more(until - time.monotonic())
        return tuple(self._has(piece) for piece in PIECES)

    def _wait_for_more(self, limit_s: float) -> None:
        with self._more:
            enough = self._count + LOOK_BYTES
            self._more.wait_for(lambda: self._count >= enough, limit_s)

    def has_beginning(self) -> bool:
        """Tell whether the first 50 ms of the word were heard."""
        return self._has(PIECES[0])

    def _has(self, piece: npt.NDArray[np.int16]) -> bool:
        with self._more:
            heard = bytes(self._heard)
        return likeness(heard, piece) >= ALIKE


class TappedCard(AlsaSound):
    """A card that tells what it was given to play."""

    def tap(self, ear: Ear) -> None:
        """Let `ear` hear what the card takes."""
        playback: Any = self._rings.playback
        take = playback.take

        def taken(now: float) -> bytes:
            ear(pcm := take(now))
            return bytes(pcm)

        playback.take = taken

    @property
    def plays(self) -> bool:
        """Whether the card has taken anything since it was started."""
        return bool(self._rings.playback.beat.at)


class Woken(NamedTuple):
    """One rest and what came after.

    Which pieces of the word were heard, whether the card at least was given its beginning, and how late the speaker
    began.
    """

    heard: tuple[bool, ...]
    was_given: bool
    started_ms: float

    @property
    def is_whole(self) -> bool:
        """Whether the beginning of the word was heard: what comes later a rest does not endanger."""
        return self.heard[0]


class RestingCard(Closing):
    """An open card that rests after `after_s` without use."""

    def __init__(self, after_s: float, on_state: Callable[..., None] = lambda *_: None, **settings: object) -> None:
        self.cards = shared_cards()
        chosen: dict[str, object] = {"capture": "vwire_a", "playback": "vspk_a", "echo": "none",
                                     "noise_suppression": False, "retry_max_ms": 500}  # fmt: skip
        self.sound = TappedCard(SoundSettings(**(chosen | settings)))  # type: ignore[arg-type]
        self.sound.on_state = on_state
        self._usual_s, card_rest.AFTER_S = card_rest.AFTER_S, after_s
        self._after_s = after_s
        self._rests = RestLog()
        self.at_speaker, self.behind_microphone, self._given = Ear(), Ear(), Ear(4 * HEARD_S)
        self.sound.tap(self._given)
        command = ["parec", "--raw", f"--rate={RATE_HZ}", "--channels=1", "--format=s16le", "--latency-msec=10",
                   "-d", "spk_a.monitor"]  # fmt: skip
        self._recorder = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=die_with_parent)
        self._reader = threading.Thread(target=self._record, daemon=True)
        self._reader.start()
        self.sound.start()

    def close(self) -> None:
        """End everything."""
        self.sound.close()
        self._rests.close()
        card_rest.AFTER_S = self._usual_s
        self._recorder.kill()
        self._recorder.wait()
        self._reader.join(5)
        assert self._recorder.stdout is not None
        self._recorder.stdout.close()

    def _record(self) -> None:
        assert self._recorder.stdout is not None
        while pcm := self._recorder.stdout.read(READ_BYTES):
            self.at_speaker(pcm)

    def keep_awake(self, awake: bool) -> None:
        """Let it rest no more, or again."""
        card_rest.AFTER_S = math.inf if awake else self._after_s

    def until_rest(self) -> None:
        """Wait until the streams stand still; of a card that is kept awake, a moment."""
        if math.isinf(card_rest.AFTER_S):
            self.sound.mixer.play(bytes(READ_BYTES))  # it may have begun to rest just now
            time.sleep(AWAKE_S)
            return
        assert self._rests.began.wait(PATIENCE_S), f"the card does not rest: {self.sound.state} {self.sound.reason}"

    def ring(self) -> Woken:
        """Let it rest, then ring, while nobody listens."""
        self.until_rest()
        self.at_speaker.clear()
        started_ms = self._play()
        return Woken(self.at_speaker.hears(), self._given.has_beginning(), started_ms)

    def call(self) -> Woken:
        """Let it rest, then listen from the moment in which a word is said."""
        self.until_rest()
        self.behind_microphone.clear()
        self.sound.set_capture(self.behind_microphone)
        started_ms = self._play()
        heard = self.behind_microphone.hears()
        self.sound.set_capture(None)
        return Woken(heard, self._given.has_beginning(), started_ms)

    def _play(self) -> float:
        """Play the word; after how many ms the speaker took the first of it."""
        self._rests.began = threading.Event()
        self._given.clear()
        began = time.monotonic()
        self.sound.mixer.play(WORD.tobytes())
        while not self.sound.plays and time.monotonic() - began < HEARD_S:
            time.sleep(0.0002)
        return (time.monotonic() - began) * 1000


class RestLog(logging.Handler):
    """Knows from the log when the card began to rest."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.began = threading.Event()
        card_rest.log.addHandler(self)
        self._level, level = card_rest.log.level, logging.DEBUG
        card_rest.log.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        """Note the beginning of a rest."""
        if "rests" in record.getMessage():
            self.began.set()

    def close(self) -> None:
        """Hear nothing more."""
        card_rest.log.removeHandler(self)
        card_rest.log.setLevel(self._level)
        super().close()
