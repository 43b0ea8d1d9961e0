"""A virtual card whose microphone hears its speaker, and the sound of a call over it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from bench.rig.speech import Samples
from bench.rig.virtual_cards import hurry_streams, shared_cards
from hw.sound.card import AlsaSound
from hw.sound.frame import FRAME_BYTES, FRAME_MS, RATE_HZ
from hw.sound.settings import SoundSettings

FIRST_S = 0.1  # by then the streams are open


def energy_db(signal: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(signal, dtype=np.float64)) + 1e-3))


class Talk:
    """A call's sound: far-end speech is played, what is captured is kept, with and without treatment."""

    def __init__(self, far: Samples, **settings: object) -> None:
        chosen: dict[str, object] = {"capture": "vmic_a", "playback": "vspk_a", "echo": "webrtc"}
        self.sound = AlsaSound(SoundSettings(**(chosen | settings)))  # type: ignore[arg-type]
        self.raw = AlsaSound(SoundSettings(capture="vmic_a", playback="none", echo="none", noise_suppression=False))
        self.far = far.tobytes()
        self.at = 0
        self.clean_pcm, self.raw_pcm = bytearray(), bytearray()
        self.troubles: list[int] = []
        self._wanted = 0
        self._enough = threading.Event()

    def captured(self, frame: bytes) -> None:
        """A pump as the media side has one: keeps the playout ring at its target."""
        while self.sound.due_ms() < self.sound.playout_target_ms + FRAME_MS:  # until the next frame is captured
            self.sound.write(self.far[self.at : self.at + FRAME_BYTES].ljust(FRAME_BYTES, b"\0"))
            self.at += FRAME_BYTES
        stats, raw = self.sound.stats(), self.raw.stats()
        self.clean_pcm += frame
        own = stats.underruns + stats.overruns + stats.reference_late + stats.reference_locks + stats.opened
        self.troubles.append(own + raw.overruns + raw.opened)
        if len(self.clean_pcm) >= self._wanted:
            self._enough.set()

    def wait(self, seconds: float) -> None:
        """Sleep until so much was captured: who woke up in between could be held up with the GIL in hand."""
        self._wanted = int(seconds * RATE_HZ * 2)
        if len(self.clean_pcm) < self._wanted:
            self._enough.clear()
            assert self._enough.wait(seconds + 15)

    def since(self, seconds: float) -> tuple[np.ndarray, np.ndarray]:
        """Raw and treated sound from then on."""
        start = int(seconds * RATE_HZ) * 2
        raw, clean = bytes(self.raw_pcm), bytes(self.clean_pcm)
        return np.frombuffer(raw[start:], "<i2").astype(float), np.frombuffer(clean[start:], "<i2").astype(float)

    def longest_calm(self) -> tuple[float, float]:
        """The longest stretch, from its third second on, in which nothing held the card up (seconds from the start)."""
        starts = [0, *(n for n in range(1, len(self.troubles)) if self.troubles[n] != self.troubles[n - 1])]
        stretches = zip(starts, [*starts[1:], len(self.troubles)], strict=True)
        start, end = max(stretches, key=lambda stretch: stretch[1] - stretch[0])
        return start / 50 + 2.0, end / 50


@contextmanager
def talking(far: Samples, **settings: object) -> Iterator[Talk]:
    cards = shared_cards()
    module = cards.echo_path("a")
    talk = Talk(far, **settings)
    try:
        talk.raw.set_capture(talk.raw_pcm.extend)
        talk.sound.set_capture(talk.captured)
        talk.raw.start()
        talk.sound.start()
        talk.wait(FIRST_S)
        hurry_streams()
        yield talk
    finally:
        talk.sound.close()
        talk.raw.close()
        cards.pactl("unload-module", module)
