"""A WAV file that is played again and again: its beginning is kept in memory, the rest is read while it plays.

However long it is, it takes little memory, and begins at once. It never falls silent: where the rest cannot be read,
or not in time, the beginning repeats.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from pathlib import Path

import numpy as np

from hw.closing import Closing
from hw.errors import ToneError
from hw.sound.pcm import PcmSamples
from hw.sound.wav_files import MOST_KEPT_S, WavReader, load_pcm

log = logging.getLogger(__name__)

BLOCKS_AHEAD = 3  # of a second or less each


class SoundFile:
    """A file that can be played; `beginning` is 48 kHz mono int16."""

    def __init__(self, path: str | Path) -> None:
        """Read the beginning; ToneError names the file and what is wrong with it."""
        self.path = path
        self.beginning = load_pcm(path)
        with WavReader(path) as reader:
            self.is_long = bool(self.beginning) and reader.format.duration_s > MOST_KEPT_S

    def sound(self) -> bytes | FileStream:
        """Return what a mixer plays in a loop."""
        return FileStream(self) if self.is_long else self.beginning


class FileStream(Closing):
    """One playing of a long file, over and over until it is closed (hw.sound.interface.SampleStream)."""

    def __init__(self, file: SoundFile) -> None:
        self._file = file
        self._ready = deque([file.beginning])
        self._at = 0  # byte of the first that is ready
        self._room = threading.Event()
        self._closed = False
        threading.Thread(target=self._read_ahead, name="sound file", daemon=True).start()

    def read(self, n: int) -> PcmSamples:
        """Return the next `n` samples; never waits for the disk."""
        pieces, wanted = [], 2 * n
        while wanted:
            piece = self._piece(wanted)
            pieces.append(piece)
            wanted -= len(piece)
        return np.frombuffer(b"".join(pieces), "<i2")

    def close(self) -> None:
        """End the reading; idempotent, any thread."""
        self._closed = True
        self._room.set()

    def _piece(self, most: int) -> bytes:
        if not self._ready:
            self._ready.append(self._file.beginning)
        piece = self._ready[0][self._at : self._at + most]
        self._at += len(piece)
        if self._at >= len(self._ready[0]):
            self._ready.popleft()
            self._at = 0
            self._room.set()
        return piece

    def _read_ahead(self) -> None:
        skip = len(self._file.beginning)
        try:
            while not self._closed:
                self._read_once(skip)
                skip = 0
        except ToneError as error:
            log.warning("only the beginning of a sound is played: %s", error)

    def _read_once(self, skip: int) -> None:
        with WavReader(self._file.path) as reader:
            for block in reader.blocks():
                skipped, skip = min(skip, len(block)), max(0, skip - len(block))
                if self._closed:
                    return
                if skipped < len(block):
                    self._put(block[skipped:])

    def _put(self, block: bytes) -> None:
        while len(self._ready) >= BLOCKS_AHEAD and not self._closed:
            self._room.wait()
            self._room.clear()
        self._ready.append(block)
