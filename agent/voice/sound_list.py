"""The sound devices of this machine in the notation of `Device.audio`."""

from __future__ import annotations

from typing import Any

import gevent

LIST_LIMIT_S = 5.0


def list_sound_devices(sound: Any) -> list[dict[str, str]]:
    """List devices that can be chosen by name; none where `sound` knows no choice. Blocks the greenlet; SoundError."""
    if not hasattr(sound, "select"):
        return []
    found: list[dict[str, str]] = gevent.get_hub().threadpool.apply(_list)
    return found


def _list() -> list[dict[str, str]]:
    from hw.sound.portaudio import list_devices
    from hw.sound.portaudio_thread import shared_control

    devices = shared_control().run(list_devices, LIST_LIMIT_S)
    return [
        {"deviceId": device.name, "label": device.name, "kind": "audioinput" if capture else "audiooutput"}
        for capture in (True, False)
        for device in devices
        if device.has(capture)
    ]
