"""What a WAV file holds: its first chunks, read; the samples themselves are left alone. Pure.

Sources: "Multimedia Programming Interface and Data Specifications" of IBM and Microsoft (1991), for RIFF;
WAVEFORMATEXTENSIBLE of Microsoft; EBU Tech 3306, for RF64.
"""

from __future__ import annotations

import struct
from pathlib import PurePath
from shlex import quote
from typing import BinaryIO, NamedTuple

from hw.errors import ToneError
from hw.sound.frame import RATE_HZ

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
WIDTHS_BYTES = {PCM: (1, 2, 3, 4), FLOAT: (4, 8)}
RATES_HZ = range(1_000, 768_001)
MOST_CHANNELS = 64
MOST_CHUNKS = 1_000
TO_THE_END = 0xFFFFFFFF  # the length that a program writes which does not know it

_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_OTHERS = {2: "ADPCM", 6: "A-law", 7: "mu-law", 17: "ADPCM", 49: "GSM", 80: "MPEG", 85: "MP3", 255: "AAC"}


class WavFormat(NamedTuple):
    """How the samples are laid out; `width` is bytes for one number, `data_at` where they begin in the file."""

    rate_hz: int
    channels: int
    width: int
    is_float: bool
    data_at: int
    frames: int

    @property
    def duration_s(self) -> float:
        """How long it plays."""
        return self.frames / self.rate_hz

    @property
    def is_ours(self) -> bool:
        """Whether its samples are 48 kHz mono int16, which need no change."""
        return (self.rate_hz, self.channels, self.width, self.is_float) == (RATE_HZ, 1, 2, False)

    @property
    def frame_bytes(self) -> int:
        """How many bytes hold one moment of all channels."""
        return self.width * self.channels


def read_format(file: BinaryIO, name: str) -> WavFormat:
    """Read the layout of an open file; `name` is for the message. Raises ToneError that says what to do, OSError."""
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        raise ToneError(f"{name} is no PCM WAV file: {_convert(name)}")
    layout, long_bytes = b"", 0
    for _ in range(MOST_CHUNKS):
        chunk = file.read(8)
        if len(chunk) < 8:
            break
        kind, size = struct.unpack("<4sI", chunk)
        if kind == b"data":
            if not layout:
                break
            return _format(name, layout, file, long_bytes if size == TO_THE_END and long_bytes else size)
        at = file.tell()
        if kind == b"fmt ":
            layout = file.read(min(size, 40))
        elif kind == b"ds64":
            long_bytes = int.from_bytes(file.read(min(size, 16))[8:], "little")
        file.seek(at + size + size % 2)
    raise ToneError(f"{name} is damaged: it has no sound in it; make it anew from what it was made of")


def _format(name: str, layout: bytes, file: BinaryIO, size: int) -> WavFormat:
    if len(layout) < 16:
        raise ToneError(f"{name} is damaged: its header is too short; make it anew from what it was made of")
    kind, channels, rate_hz, _, align, bits = struct.unpack("<HHIIHH", layout[:16])
    if kind == EXTENSIBLE and layout[26:40] == _SUBFORMAT_TAIL:
        (kind,) = struct.unpack("<H", layout[24:26])
    width = align // channels if channels and align % channels == 0 else 0
    if kind not in WIDTHS_BYTES:
        raise ToneError(f"{name} holds {_OTHERS.get(kind, f'sound of the kind {kind}')}, no PCM: {_convert(name)}")
    if not 0 < channels <= MOST_CHANNELS or rate_hz not in RATES_HZ or width not in WIDTHS_BYTES[kind]:
        raise ToneError(f"{name} has {channels} channels of {bits} bits at {rate_hz} Hz, no PCM of 8 to 32 bits or "
                        f"float: {_convert(name)}")  # fmt: skip
    data_at = file.tell()
    size = min(size, file.seek(0, 2) - data_at)
    if size < width * channels:
        raise ToneError(f"{name} has no sound in it: choose another file")
    return WavFormat(rate_hz, channels, width, kind == FLOAT, data_at, size // (width * channels))


def _convert(name: str) -> str:
    converted = f"{PurePath(name).with_suffix('')}-pcm.wav"
    return f"convert it: ffmpeg -i {quote(name)} -c:a pcm_s16le {quote(converted)}"
