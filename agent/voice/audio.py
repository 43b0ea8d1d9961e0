"""`Device.audio`: which microphone and which speakers are used (spec: device 11).

Devices are known by name: the id of a device is its name, or `default`. Where the sound device cannot choose (files, a
program's own), only `default` exists.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

import gevent

from agent.closing import Closing
from agent.errors import InvalidArgumentError, InvalidStateError
from agent.handlers import HubEmitter
from agent.voice.constraints import modern
from agent.voice.options import DeviceOptions
from agent.voice.output_devices import DEFAULT, OutputDevices
from agent.voice.sounds import DISCONNECT, INCOMING, OUTGOING, Sounds

log = logging.getLogger(__name__)

INPUT = "audioinput"
OUTPUT = "audiooutput"
LIST_LIMIT_S = 5.0

Info = dict[str, str]


class AudioOwner(Protocol):
    """The Device."""

    @property
    def options(self) -> DeviceOptions: ...

    @property
    def sounds(self) -> Sounds: ...

    def report_audio(self, level: str, name: str, payload: Mapping[str, Any]) -> None: ...

    def is_calling(self) -> bool: ...

    def volume_wanted(self) -> None: ...


class AudioHelper(HubEmitter, Closing):
    """Events: deviceChange(lost_active_devices) when devices come or go, inputVolume(0..1) during calls."""

    def __init__(self, device: AudioOwner) -> None:
        super().__init__()
        self.input_device: Info | None = None
        self.audio_constraints: Mapping[str, Any] | None = None
        self.available_input_devices: dict[str, Info] = {DEFAULT: _info(DEFAULT, INPUT, "Default")}
        self.available_output_devices: dict[str, Info] = {DEFAULT: _info(DEFAULT, OUTPUT, "Default")}
        self._device = device
        self._looks = 0  # an older look that ends late tells nothing new
        self._closed = False
        select = getattr(device.options.sound, "select", None)
        self.speaker_devices = self._outputs("speaker", select and (lambda name: select(playback=name)), OUTGOING)
        self.ringtone_devices = self._outputs("ringtone", select and (lambda name: select(ring=name)), INCOMING)

    @property
    def is_output_selection_supported(self) -> bool:
        """Whether speakers can be chosen."""
        return hasattr(self._device.options.sound, "select")

    @property
    def is_volume_supported(self) -> bool:
        """Whether volumes are measured: always."""
        return True

    # The three switches

    def incoming(self, on: bool | None = None) -> bool:
        """Tell whether the ring is heard; with `on`, set that first."""
        return self._device.sounds.switch(INCOMING, on)

    def outgoing(self, on: bool | None = None) -> bool:
        """Tell whether an answered outgoing call is heard."""
        return self._device.sounds.switch(OUTGOING, on)

    def disconnect(self, on: bool | None = None) -> bool:
        """Tell whether the end of a call is heard."""
        return self._device.sounds.switch(DISCONNECT, on)

    # The microphone

    def set_input_device(self, device_id: str) -> None:
        """Use this microphone, in a running call too; raises InvalidArgumentError when there is none of this name."""
        info = self.available_input_devices.get(device_id) if isinstance(device_id, str) else None
        if info is None:
            known = ", ".join(self.available_input_devices)
            raise InvalidArgumentError(f"argument device_id: {device_id!r} is no microphone; there is {known}")
        if info != self.input_device:
            self.input_device = info
            self._configure()

    def unset_input_device(self) -> None:
        """Use the microphone of the settings again; raises InvalidStateError during a call."""
        if self.input_device is None:
            return
        if self._device.is_calling():
            raise InvalidStateError("the microphone cannot be unset during a call")
        self.input_device = None
        self._configure()

    def set_audio_constraints(self, constraints: Mapping[str, Any]) -> None:
        """Capture so from now on: echoCancellation, noiseSuppression, autoGainControl. InvalidArgumentError."""
        if not isinstance(constraints, Mapping):
            raise InvalidArgumentError(f"argument constraints: {constraints!r} is not allowed; give a mapping")
        self.audio_constraints = {name: value for name, value in constraints.items() if name != "deviceId"}
        if self.input_device is not None:
            self._configure()

    def unset_audio_constraints(self) -> None:
        """Capture as the settings say."""
        self.audio_constraints = None
        if self.input_device is not None:
            self._configure()

    def constrained(self, constraints: Any) -> Mapping[str, Any] | None:
        """Decide what a call's capture is opened with: the call's own constraints, on the chosen microphone."""
        chosen = {"deviceId": self.input_device["deviceId"]} if self.input_device is not None else {}
        return {**modern(self.audio_constraints), **modern(constraints), **chosen} or None

    # What is there

    def refresh(self) -> None:
        """Look which devices there are, in the background; `deviceChange` follows if that changed."""
        self._looks += 1
        gevent.spawn(self._refresh, self._looks)

    def input_volume(self, volume: float) -> None:
        """Tell how loud the microphone of a call is."""
        if self.input_device is not None:
            self.emit("inputVolume", volume)

    def _listened(self, event: str) -> None:
        if event == "inputVolume":
            self._device.volume_wanted()

    def close(self) -> None:
        """Tell nobody anything any more, and leave the sound device alone."""
        self._closed = True
        self.remove_all_listeners()

    def _refresh(self, look: int) -> None:
        try:
            options = self._device.options
            found = [dict(each) for each in (options.enumerate_devices or partial(list_sound_devices, options.sound))()]
        except Exception:
            log.exception("the sound devices could not be listed")
            return
        if self._closed or look != self._looks:
            return
        inputs, outputs = _by_id(found, INPUT), _by_id(found, OUTPUT)
        if (inputs, outputs) == (self.available_input_devices, self.available_output_devices):
            return
        self.available_input_devices, self.available_output_devices = inputs, outputs
        self._changed()

    def _changed(self) -> None:
        lost = self.speaker_devices.drop_lost() + self.ringtone_devices.drop_lost()
        active = self.input_device
        if active is not None and active["deviceId"] not in self.available_input_devices:
            lost.append(active["deviceId"])
            self.input_device = None
            available = self.available_input_devices
            self.set_input_device(DEFAULT if DEFAULT in available else next(iter(available)))
        self._device.report_audio("INFO", "device-change", {"lost_active_device_ids": lost})
        self.emit("deviceChange", lost)

    def _configure(self) -> None:
        if self._device.options.sound is not None:
            self._device.options.sound.configure(self.constrained(self._device.options.audio_constraints))

    def _outputs(self, name: str, use: Callable[[str], None] | None, sound: str) -> OutputDevices:
        def apply(devices: Iterable[str]) -> None:
            ids = list(devices)
            assert use is not None
            try:
                use(ids[0])
            except Exception as exc:
                failed = {"audio_device_ids": ids, "message": str(exc)}
                self._device.report_audio("ERROR", f"{name}-devices-set-failed", failed)
                raise
            self._device.report_audio("INFO", f"{name}-devices-set", {"audio_device_ids": ids})

        def test() -> None:
            self._device.sounds.try_out(sound)

        return OutputDevices(lambda: self.available_output_devices, apply if use is not None else None, test)


def _info(device_id: str, kind: str, label: str) -> Info:
    return {"deviceId": device_id, "kind": kind, "label": label}


def _by_id(found: Iterable[Mapping[str, Any]], kind: str) -> dict[str, Info]:
    """The devices of one kind; those without a label get one, and `default` is always there."""
    named = "Input" if kind == INPUT else "Output"
    devices = {DEFAULT: _info(DEFAULT, kind, "Default")}
    for n, each in enumerate((each for each in found if each.get("kind") == kind), 1):
        device_id = str(each.get("deviceId") or each.get("label") or n)
        label = str(each.get("label") or ("Default" if device_id == DEFAULT else f"Unknown Audio {named} Device {n}"))
        devices[device_id] = _info(device_id, kind, label)
    return devices


def list_sound_devices(sound: Any) -> list[dict[str, str]]:
    """List devices that can be named; none where `sound` knows no choice. Blocks the greenlet; SoundError."""
    if not hasattr(sound, "select"):
        return []
    found: list[dict[str, str]] = gevent.get_hub().threadpool.apply(_list_devices)
    return found


def _list_devices() -> list[dict[str, str]]:
    from hw.sound.portaudio import list_devices
    from hw.sound.portaudio_thread import shared_control

    devices = shared_control().run(list_devices, LIST_LIMIT_S)
    return [
        {"deviceId": device.name, "label": device.name, "kind": INPUT if capture else OUTPUT}
        for capture in (True, False)
        for device in devices
        if device.has(capture)
    ]
