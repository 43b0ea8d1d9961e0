"""Whether the microphone that a call insists on exists: W3C's `exact` (Media Capture and Streams, 4.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gevent

from agent.errors import CaptureError
from agent.log import excerpt
from agent.voice.options import DeviceOptions
from agent.voice.output_devices import DEFAULT
from hw.errors import SoundError


def check_exact(options: DeviceOptions, constraints: Mapping[str, Any] | None) -> None:
    """Raise CaptureError for an exact device that does not exist; blocks the greenlet.

    A microphone that is named without `exact`, or by the settings of the sound device, may come later.
    """
    names = exact_names(constraints)
    if names and options.sound is not None and not any(_exists(options, name) for name in names):
        raise CaptureError(f"there is no microphone called {' or '.join(excerpt(name) for name in names)}")


def exact_names(constraints: Mapping[str, Any] | None) -> list[str]:
    """List the devices of which one is wanted and no other."""
    wanted = (constraints or {}).get("deviceId")
    exact = wanted.get("exact") if isinstance(wanted, Mapping) else None
    if isinstance(exact, Sequence) and not isinstance(exact, str):
        return [str(name) for name in exact]
    return [str(exact)] if exact else []


def _exists(options: DeviceOptions, name: str) -> bool:
    if name == DEFAULT:
        return True
    if options.enumerate_devices is not None:
        return any(name in (each.get("deviceId"), each.get("label")) for each in options.enumerate_devices())
    has_microphone = getattr(options.sound, "has_microphone", None)
    if has_microphone is None:
        return hasattr(options.sound, "select")  # one that cannot choose has no other; of the rest nobody can tell
    try:
        return bool(gevent.get_hub().threadpool.apply(has_microphone, (name,)))
    except SoundError:
        return True  # the sound server does not answer: the card comes later, or not
