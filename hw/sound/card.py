"""The sound card of a call (hw.sound.interface.Sound).

Four native threads share the work. PortAudio's two callback threads touch rings only (hw.sound.portaudio). The DSP
worker treats what was captured (hw.sound.dsp). The control thread makes every PortAudio call
(hw.sound.portaudio_thread). The keeper decides when the card is opened and given up (hw.sound.card_keeper).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from hw.closing import Closing
from hw.errors import SoundDeniedError, SoundError
from hw.sound.card_keeper import CardKeeper
from hw.sound.devices import SoundDevice
from hw.sound.dsp import DspWorker
from hw.sound.echo import Canceller, make_canceller
from hw.sound.echo_reference import EchoReference
from hw.sound.frame import FRAME_MS
from hw.sound.interface import CaptureSink, SoundState
from hw.sound.mixer import SoftMixer
from hw.sound.pcm import scaled
from hw.sound.playout_depth import PlayoutDepth
from hw.sound.portaudio import Names, Rings, has_microphone, list_devices
from hw.sound.portaudio_thread import shared_control
from hw.sound.rings import CaptureRing, PlayoutRing
from hw.sound.settings import SoundSettings
from hw.sound.treatment import Treatment
from hw.sound.wake import Wake

log = logging.getLogger(__name__)

MOST_QUEUED_MS = 400
RING_DEVICE_PERIOD_MS = 40


class SoundStats(NamedTuple):
    """Figures for the page, the doctor and the benchmarks; counters grow for ever."""

    opened: int
    lost: int
    underruns: int
    overruns: int
    reference_late: int
    reference_locks: int
    drift_ppm: float
    level_db: float
    frames: int
    dsp_s: float
    canceller: str
    devices: Mapping[str, str]


class AlsaSound(Closing):
    """hw.sound.interface.Sound over PyAudio. Never raises for a missing card: it reports and keeps trying."""

    def __init__(self, settings: SoundSettings | None = None) -> None:
        """Nothing is opened before `start`."""
        self._settings = chosen = settings or SoundSettings()
        self._box = Treatment(True, chosen.noise_suppression, chosen.gain_control)
        self._treatment = self._box
        self._microphone = chosen.capture
        self._gain = 1.0
        self._closed = False
        wake = self._wake = Wake()
        self._reference = EchoReference(lead_ms=max(10, chosen.period_ms))
        self._rings = Rings(
            # What was captured leaves by the frame: shorter periods would bring it no sooner, and other ones too late.
            CaptureRing(wake.set, max(FRAME_MS, chosen.period_ms), MOST_QUEUED_MS),
            PlayoutRing(chosen.period_ms, MOST_QUEUED_MS, self._reference),
            PlayoutRing(RING_DEVICE_PERIOD_MS, MOST_QUEUED_MS),
        )
        self.mixer = SoftMixer(self._stir)
        self._worker = DspWorker(wake, *self._rings, self._reference, self.mixer, chosen.realtime_priority)
        self._worker.gain = 10 ** (chosen.capture_gain_db / 20)
        self._worker.canceller = self._make_canceller()
        names = Names(chosen.capture, chosen.playback, chosen.ring)
        self._keeper = CardKeeper(chosen, names, self._rings, self._worker, self.mixer, self._changed, self._look)
        self._depth = PlayoutDepth(chosen.playout_min_ms, chosen.playout_max_ms)
        self.period_ms = chosen.period_ms
        self.playout_target_ms = self._depth.target_ms
        self.on_state: Callable[[SoundState, str], None] | None = None

    @property
    def state(self) -> SoundState:
        """The current state; changes are reported through `on_state`."""
        return self._keeper.state

    def start(self) -> None:
        """Open, and keep trying when there is no card; returns at once; idempotent.

        Raises SoundDeniedError once it is known that this user may not open one; the attempts go on.
        """
        if not self._closed:
            self._worker.start()
            self._keeper.start()
        if self._keeper.is_denied:
            raise SoundDeniedError(self._keeper.why)

    def has_microphone(self, name: str) -> bool:
        """Tell whether there is a microphone called `name`; blocks the thread. SoundError when nobody can tell."""
        if name in ("default", self._keeper.devices.get("capture")):
            return True
        return bool(shared_control().run(lambda: has_microphone(name), self._settings.call_limit_ms / 1000))

    def close(self) -> None:
        """Release the card; idempotent; returns within 2 s even if the sound server is wedged."""
        if not self._closed:
            self._closed = True
            self._keeper.close()
            self._worker.close(0.2)

    def set_capture(self, sink: CaptureSink | None) -> None:
        """Send each captured frame to `sink`, on the DSP thread; it must not block."""
        self._worker.listen(sink)
        self._keeper.rest.stir()

    def write(self, frame: bytes) -> None:
        """Queue far-end sound, 20 ms or any number of 10 ms; any thread; bounded, the oldest is dropped."""
        self._rings.playback.write(scaled(frame, self._gain), time.monotonic())
        self._keeper.rest.stir()

    def queued_ms(self) -> float:
        """Tell how much far-end audio waits to be played."""
        return float(self._rings.playback.speech_ms())

    def due_ms(self) -> float:
        """Tell how long until the card takes sound that was not written yet."""
        return self._rings.playback.due_ms(time.monotonic())

    def flush(self) -> None:
        """Drop what waits to be played."""
        self._rings.playback.flush()

    def configure(self, constraints: Mapping[str, Any] | None) -> None:
        """Apply `audio_constraints`: echoCancellation, noiseSuppression, autoGainControl (bools), deviceId (a name)."""
        treatment = self._box.constrained(constraints)
        if treatment != self._treatment:
            self._treatment = treatment
            self._worker.canceller = self._make_canceller()
        wanted = (constraints or {}).get("deviceId")
        if isinstance(wanted, Mapping):
            wanted = wanted.get("exact") or wanted.get("ideal")
        self._use(capture=str(wanted or self._microphone))

    def progress_s(self) -> float:
        """Return the seconds since the card, or the attempt to open one, last showed a sign of life.

        While no card exists the attempts count; while the sound server is wedged nothing does, so that a watchdog
        which is fed from here restarts the process. One that never had a card waits: its restart would change nothing.
        A card that rests owes no sign of life before somebody wants it.
        """
        return self._keeper.progress_s()

    @property
    def reason(self) -> str:
        """The state in words."""
        return self._keeper.why

    @property
    def wedged(self) -> bool:
        """Whether the sound server hangs; if that lasts, only a new process helps."""
        return self._keeper.wedged

    @property
    def playback_name(self) -> str:
        """What plays now, by its full name; empty without a card."""
        return self._keeper.devices.get("playback", "")

    @property
    def bell_name(self) -> str:
        """What only rings now, by its full name; empty where the speaker rings."""
        return self._keeper.devices.get("ring", "")

    def select(self, *, capture: str | None = None, playback: str | None = None, ring: str | None = None) -> None:
        """Use other devices, by name, from now on; `default` means what the settings name."""
        if capture is not None:
            self._microphone = capture
        self._use(capture=capture, playback=playback, ring=ring)

    def _use(self, **wanted: str | None) -> None:
        named = {role: name for role, name in wanted.items() if name is not None}
        resolved = {role: getattr(self._settings, role) if name == "default" else name for role, name in named.items()}
        self._keeper.use(self._keeper.names._replace(**resolved))

    def set_gain(self, gain: float) -> None:
        """Set the software volume of the far end (see hw.sound.volume)."""
        self._gain = gain

    def stats(self) -> SoundStats:
        """Return the figures so far."""
        playback, worker = self._rings.playback, self._worker
        return SoundStats(
            opened=self._keeper.opened,
            lost=self._keeper.lost,
            underruns=playback.underruns,
            overruns=self._rings.capture.lost,
            reference_late=self._reference.late,
            reference_locks=self._reference.locks,
            drift_ppm=worker.drift_ppm,
            level_db=worker.level_db,
            frames=worker.frames,
            dsp_s=worker.dsp_s,
            canceller=worker.canceller.name,
            devices=dict(self._keeper.devices),
        )

    def _make_canceller(self) -> Canceller:
        try:
            return make_canceller(self._settings.echo, self._treatment)
        except SoundError as error:
            log.warning("%s: another one is used", error)
            return make_canceller("auto", self._treatment)

    def _stir(self) -> None:
        """Wake up whoever sleeps because nothing sounded."""
        self._wake.set()
        self._keeper.rest.stir()

    def _look(self, now: float) -> None:
        playback = self._rings.playback
        self._depth.update(now, playback.underruns, playback.take_least_wait_ms())
        self.playout_target_ms = self._depth.target_ms

    def _changed(self, state: SoundState, why: str) -> None:
        if (on_state := self.on_state) is not None:
            on_state(state, why)


def available_devices(limit_s: float = 10.0, names: Sequence[str] = ()) -> list[SoundDevice]:
    """List devices that can be named, as of now or of when the open card was opened; blocks about half a second.

    Of those that only ALSA knows, `names` are listed where they can be opened.

    SoundError when sound does not answer.
    """
    return shared_control().run(lambda: list_devices(names), limit_s)
