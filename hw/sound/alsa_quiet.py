"""Keeps ALSA's and JACK's chatter off stderr while PortAudio looks for cards; it goes to the debug log instead."""

from __future__ import annotations

import ctypes
import logging
import os
from typing import Any

from hw.words import excerpt

log = logging.getLogger(__name__)

# void handler(const char *file, int line, const char *function, int err, const char *fmt, ...): alsa/error.h.
# The variable arguments cannot be read from here, so only the format is logged.
_AlsaHandler = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p
)
_JackHandler = ctypes.CFUNCTYPE(None, ctypes.c_char_p)

# The libraries keep the bare address, so these objects must live as long as the process.
_kept: list[Any] = []


def silence_alsa() -> None:
    """Install the handlers once a process; harmless where a library is missing."""
    if _kept:
        return
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    _kept.append(_AlsaHandler(_alsa_said))
    _kept.append(_JackHandler(_jack_said))
    _install("libasound.so.2", _kept[0], "snd_lib_error_set_handler")
    _install("libjack.so.0", _kept[1], "jack_set_error_function", "jack_set_info_function")


def _install(library: str, handler: Any, *setters: str) -> None:
    try:
        loaded = ctypes.CDLL(library)
        for setter in setters:
            getattr(loaded, setter)(handler)
    except (OSError, AttributeError):
        log.debug("%s is not there to be silenced", library)


def _alsa_said(_file: bytes, line: int, function: bytes, code: int, text: bytes) -> None:
    log.debug("ALSA %s:%d: %s (%d)", _text(function), line, _text(text), code)


def _jack_said(text: bytes) -> None:
    log.debug("JACK: %s", _text(text))


def _text(said: bytes | None) -> str:
    return excerpt((said or b"").decode(errors="replace"), 300)
