"""The room that a box stands in: a tone is in the air, and somebody listens to its speaker."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import gevent
import numpy as np
from gevent.subprocess import Popen

from bench.rig.virtual_cards import VirtualCards
from hw.sound.frame import RATE_HZ

TONE_HZ = 1000  # no tone of the box's own
WINDOW_BYTES = RATE_HZ // 5 * 2
AUDIBLE = 200.0


class Room:
    """One virtual card with a sound server of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.cards = VirtualCards(folder, ("box",))
        self.start()

    @property
    def environment(self) -> dict[str, str]:
        """What a box needs to find the card."""
        return self.cards.environment

    def start(self) -> None:
        """Start the sound server, and the tone; idempotent."""
        self.cards.start()
        self.hum()

    def hum(self) -> None:
        """Let the microphone hear the tone."""
        if "module-sine" not in self.cards.pactl("list", "short", "modules"):
            self.cards.pactl("load-module", "module-sine", "sink=mic_box", f"frequency={TONE_HZ}")

    def until_heard(self, within_s: float) -> bool:
        """Listen until the speaker plays the tone; whether it did."""
        with gevent.Timeout(within_s, False):
            while not self._listen():
                gevent.sleep(0.2)
            return True
        return False

    def _listen(self) -> bool:
        """Listen as long as the sound server has something to say."""
        command = ["parec", "--raw", f"--rate={RATE_HZ}", "--channels=1", "--format=s16le", "--latency-msec=20",
                   "-d", "spk_box.monitor"]  # fmt: skip
        environ = {**os.environ, **self.environment}
        ear = Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ)
        try:
            while pcm := ear.stdout.read(WINDOW_BYTES):
                if _is_tone(np.frombuffer(pcm[: len(pcm) // 2 * 2], np.int16).astype(float)):
                    return True
            return False
        finally:
            with suppress(ProcessLookupError):
                ear.kill()
            ear.wait()
            ear.stdout.close()

    def close(self) -> None:
        """End the sound server."""
        self.cards.close()


def _is_tone(pcm: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bool:
    if len(pcm) < RATE_HZ // 10 or np.sqrt(np.mean(pcm**2)) < AUDIBLE:
        return False
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return abs(float(np.argmax(spectrum)) * RATE_HZ / len(pcm) - TONE_HZ) < 20
