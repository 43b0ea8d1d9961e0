"""Opus (RFC 6716) through libopus: mono voice at 48 kHz, with in-band forward error correction and concealment.

An Opus packet may carry a coarse second copy (LBRR) of the sound of the packet before it. The decoder can therefore
rebuild exactly one lost packet out of the one that follows (`recover`), and invent sound for the rest (`conceal`).
Both must be called in playing order, because the decoder predicts every frame from the one before.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from agent.errors import CodecError, InvalidArgumentError, NotSupportedError
from agent.media.native import core
from hw.sound.frame import RATE_HZ

MAX_PACKET_BYTES = 1275
MAX_PACKET_SAMPLES = RATE_HZ * 120 // 1000
DTX_BYTES = 2  # a packet no longer than this says that a pause begins or goes on

_APPLICATION_VOIP, _APPLICATION_LOW_DELAY = 2048, 2051
_SET_APPLICATION = 4000
_SET_BITRATE = 4002
_SET_MAX_BANDWIDTH = 4004
_SET_COMPLEXITY = 4010
_SET_INBAND_FEC = 4012
_SET_PACKET_LOSS_PERC = 4014
_SET_DTX = 4016
_SET_SIGNAL = 4024
_RESET_STATE = 4028
_SIGNAL_VOICE = 3001
_WIDE_BAND, _FULL_BAND = 1103, 1105
_FULL_BAND_FROM = 96_000
_FRAME_SAMPLES = (480, 960, 1920, 2880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4  # by configuration
#: What packets of one frame or two that begin so decode to; they code the spectrum, and so carry no copy.
SPECTRUM_SAMPLES = {
    byte: (1, 2, 2)[byte & 3] * _FRAME_SAMPLES[byte >> 3] for byte in range(0x80, 0x100) if byte & 3 < 3
}
_DEEP_PLC_FROM = 5  # a decoder's effort, since libopus 1.5; before it there is none, and it says so
_MALFORMED = "an Opus packet of %d bytes is malformed; it is dropped"
_UNDECODABLE = "libopus could not decode a packet of %d bytes (error %d); it is concealed"
_BROKEN = "libopus could not be started (error %d): the installation is damaged; reinstall libopus0"


def _candidates() -> Iterator[str]:
    """Names under which libopus may be found: the system's first, then the copy that PyAV brings along."""
    found = ctypes.util.find_library("opus")
    if found:
        yield found
    yield "libopus.so.0"
    av = importlib.util.find_spec("av")
    if av and av.origin:
        yield from map(str, sorted((Path(av.origin).parents[1] / "av.libs").glob("libopus-*.so*")))


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    pointer, integer, data = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    signatures = {
        "opus_encoder_create": ([integer, integer, integer, pointer], pointer),
        "opus_encoder_destroy": ([pointer], None),
        "opus_encode": ([pointer, data, integer, pointer, integer], integer),
        "opus_decoder_create": ([integer, integer, pointer], pointer),
        "opus_decoder_destroy": ([pointer], None),
        "opus_decode": ([pointer, data, integer, pointer, integer, integer], integer),
        "opus_get_version_string": ([], data),
        "opus_strerror": ([integer], data),
    }
    for name, (arguments, result) in signatures.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, result
    for name in ("opus_encoder_ctl", "opus_decoder_ctl"):  # variadic: the fixed part is declared, the rest is cast
        getattr(library, name).restype = integer
    return library


@cache
def library() -> ctypes.CDLL:
    """Load libopus; raises NotSupportedError where there is none."""
    for name in _candidates():
        try:
            return _declare(ctypes.CDLL(name))
        except OSError:
            continue
    raise NotSupportedError("libopus is not installed, so no call can carry Opus: run `apt-get install libopus0`")


def function_address(function: Any) -> int:
    """Return where a function of libopus is."""
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def version() -> str:
    """Return the library's own name and version, such as "libopus 1.3.1"."""
    text: bytes = library().opus_get_version_string()
    return text.decode()


def packet_samples(payload: bytes) -> int:
    """Count the 48 kHz samples that `payload` decodes to, by its first byte (RFC 6716 3.1); CodecError if malformed."""
    samples = _frame_count(payload) * _FRAME_SAMPLES[payload[0] >> 3] if payload else 0
    if not 0 < samples <= MAX_PACKET_SAMPLES:
        raise CodecError(_MALFORMED % len(payload))
    return samples


def describe(payload: bytes) -> tuple[int, bool]:
    """Return the 48 kHz samples of a packet, and whether it carries a copy of the one before it. Raises CodecError."""
    return packet_samples(payload), has_fec(payload)


def describer() -> Callable[[bytes], tuple[int, bool]]:
    """Return `describe`, or what does the same by way of the native core where that is in use."""
    module = core.verdict().module
    if module is None:
        return describe
    count = module.lib.core_describe

    def describe_natively(payload: bytes) -> tuple[int, bool]:
        found = count(payload, len(payload))
        if not found:
            raise CodecError(_MALFORMED % len(payload))
        return found >> 1, bool(found & 1)

    return describe_natively


def has_fec(payload: bytes) -> bool:
    """Tell whether `payload` carries a coarse copy (LBRR) of the packet before it (RFC 6716 4.2.4)."""
    if len(payload) < 3 or payload[0] & 0x80:  # the top configurations are CELT, which has none
        return False
    frames, first = _first_frame(payload)
    if not frames or first >= len(payload):
        return False
    configuration = payload[0] >> 3
    voice_flags = (1, 1, 2, 3)[configuration & 3] if configuration < 12 else 1  # one for each 20 ms
    return bool(payload[first] >> (7 - voice_flags) & 1)


def _frame_count(payload: bytes) -> int:
    """How many frames a packet says that it has (RFC 6716 3.2)."""
    code = payload[0] & 3
    if code < 3:
        return (1, 2, 2)[code]
    return payload[1] & 0x3F if len(payload) > 1 else 0


def _first_frame(payload: bytes) -> tuple[int, int]:
    """(number of frames, offset of the first one's data) of a packet (RFC 6716 3.2)."""
    code, count = payload[0] & 3, _frame_count(payload)
    if code < 2:
        return count, 1
    if code == 2:
        return count, 2 if payload[1] < 252 else 3
    offset = 2
    if payload[1] & 0x40:
        while offset < len(payload) and payload[offset] == 255:
            offset += 1
        offset += 1
    if payload[1] & 0x80:
        for _ in range(count - 1):
            if offset >= len(payload):
                return 0, 0
            offset += 1 if payload[offset] < 252 else 2
    return count, offset


class OpusEncoder:
    """Encodes mono 48 kHz int16 frames of 10, 20, 40 or 60 ms; one packet each."""

    def __init__(
        self, *, bitrate: int = 32_000, complexity: int = 5, fec: bool = True, dtx: bool = False, loss_percent: int = 0
    ) -> None:
        error = ctypes.c_int()
        self._library = library()
        self._state = self._library.opus_encoder_create(RATE_HZ, 1, _APPLICATION_VOIP, ctypes.byref(error))
        if not self._state:
            raise NotSupportedError(_BROKEN % error.value)
        self.addresses = function_address(self._library.opus_encode), int(self._state)  # for the native core
        self._packet = ctypes.create_string_buffer(MAX_PACKET_BYTES)
        self._transform = False
        self._control(_SET_SIGNAL, _SIGNAL_VOICE)
        self.set_bitrate(bitrate)
        self.set_complexity(complexity)
        self._control(_SET_INBAND_FEC, int(fec))
        self.set_dtx(dtx)
        self.set_loss_percent(loss_percent)

    def set_bitrate(self, bits_per_s: int) -> None:
        """Aim at this rate, 6000 to 510000 bit/s; below 96000 all of it is spent on the 8 kHz that carry speech.

        Raises InvalidArgumentError.
        """
        self._control(_SET_MAX_BANDWIDTH, _FULL_BAND if bits_per_s >= _FULL_BAND_FROM else _WIDE_BAND)
        self._control(_SET_BITRATE, bits_per_s)

    def set_complexity(self, level: int) -> None:
        """Set the effort, 0 (least work) to 10 (best sound). Raises InvalidArgumentError."""
        self._control(_SET_COMPLEXITY, level)

    def set_loss_percent(self, percent: int) -> None:
        """Prepare for this loss, 0 to 100: it raises the share of the error correction. InvalidArgumentError."""
        self._control(_SET_PACKET_LOSS_PERC, percent)

    def set_dtx(self, wanted: bool) -> None:
        """Say next to nothing in silence, or go on. Raises InvalidArgumentError."""
        self._control(_SET_DTX, int(wanted))

    def set_transform(self, wanted: bool) -> None:
        """Code the spectrum (CELT), or a model of the voice (SILK), which alone can carry copies for repair.

        From 64000 bit/s on the spectrum sounds as good, takes a third of the time, and is held back 4 ms less, because
        libopus need not be ready for the model. What it is ready for can be changed in an encoder that begins anew;
        decoders fade from one to the other (RFC 6716 4.5). Raises InvalidArgumentError.
        """
        if wanted != self._transform:
            self._transform = wanted
            self._control(_RESET_STATE)
            self._control(_SET_APPLICATION, _APPLICATION_LOW_DELAY if wanted else _APPLICATION_VOIP)

    def encode(self, pcm: bytes) -> bytes:
        """Make one packet of int16 mono `pcm`; 1 or 2 bytes when DTX needs nothing sent. InvalidArgumentError."""
        length = self._library.opus_encode(self._state, pcm, len(pcm) // 2, self._packet, MAX_PACKET_BYTES)
        if length < 0:
            raise InvalidArgumentError(f"Opus cannot encode {len(pcm) // 2} samples: give it 10, 20, 40 or 60 ms")
        return ctypes.string_at(self._packet, length)

    def _control(self, request: int, value: int = 0) -> None:
        status = self._library.opus_encoder_ctl(ctypes.c_void_p(self._state), request, ctypes.c_int(value))
        if status:
            raise InvalidArgumentError(f"libopus refused {value} for encoder setting {request} (error {status})")

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.opus_encoder_destroy(self._state)


class OpusDecoder:
    """Decodes to mono 48 kHz int16; every call returns the PCM that follows what the previous call returned."""

    def __init__(self) -> None:
        error = ctypes.c_int()
        self._library = library()
        self._state = self._library.opus_decoder_create(RATE_HZ, 1, ctypes.byref(error))
        if not self._state:
            raise NotSupportedError(_BROKEN % error.value)
        self._pcm: Any = ctypes.create_string_buffer(MAX_PACKET_SAMPLES * 2)
        self._ask, self._room, self._nothing = self._way()
        self._library.opus_decoder_ctl(ctypes.c_void_p(self._state), _SET_COMPLEXITY, ctypes.c_int(_DEEP_PLC_FROM))

    def _way(self) -> tuple[Callable[..., int], Any, Any]:
        """What decodes, where it puts the sound, and what stands for no packet: by the native core if it is in use."""
        module = core.verdict().module
        if module is None:
            return partial(self._library.opus_decode, self._state), self._pcm, None
        ask = partial(module.lib.core_decode, function_address(self._library.opus_decode), self._state)
        return ask, module.ffi.from_buffer(self._pcm), module.ffi.NULL

    def decode(self, payload: bytes) -> bytes:
        """Decode `payload`, as long as the packet says; CodecError if it is damaged."""
        decoded = self._ask(payload or self._nothing, len(payload), self._room, MAX_PACKET_SAMPLES, 0)
        if decoded < 0:
            raise CodecError(_UNDECODABLE % (len(payload), decoded))
        sound: bytes = self._pcm[: decoded * 2]
        return sound

    def recover(self, next_payload: bytes, samples: int) -> bytes:
        """Decode `samples` just before `next_payload`, by the copy in it, or else concealed. Raises CodecError."""
        return self._decode(next_payload, samples, 1)

    def conceal(self, samples: int) -> bytes:
        """Invent `samples` (a multiple of 120) that continue the last packet and fade out. Raises CodecError."""
        return self._decode(None, samples, 0)

    def reset(self) -> None:
        """Forget everything heard so far."""
        self._library.opus_decoder_ctl(ctypes.c_void_p(self._state), _RESET_STATE)

    def _decode(self, payload: bytes | None, samples: int, fec: int) -> bytes:
        length = len(payload) if payload else 0
        decoded = self._ask(payload or self._nothing, length, self._room, samples, fec)
        if decoded < 0:
            raise CodecError(_UNDECODABLE % (length, decoded))
        sound: bytes = self._pcm[: decoded * 2]
        return sound

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.opus_decoder_destroy(self._state)
