"""The sound card of a call: opened by name, watched, and opened again whatever becomes of it.

Four native threads share the work. PortAudio's two callback threads touch rings only (hw.sound_streams). The DSP
worker treats what was captured (hw.dsp). The control thread makes every PortAudio call (hw.control). The keeper, below,
decides: it opens, watches the age of the callbacks (PortAudio calls a dead stream active), closes, pauses, and tries
again. A card's state is reported as

    CLOSED -> OPENING -> OPEN <-> LOST -> CLOSED

LOST may be half a loss: when only the microphone or only the speaker is missing, the other one works on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hw.control import shared_control
from hw.dsp import DspWorker
from hw.echo import Treatment, make_canceller
from hw.errors import SoundError, SoundWedgedError
from hw.mixer import SoftMixer
from hw.pauses import Pauses
from hw.pcm import scaled
from hw.ports import CaptureSink, SoundState
from hw.rings import CaptureRing, EchoReference, PlayoutDepth, PlayoutRing
from hw.sound_devices import Device
from hw.sound_presence import fingerprint
from hw.sound_settings import SoundSettings
from hw.sound_streams import Names, OpenCard, Rings, list_devices, open_card
from hw.wake import Wake

log = logging.getLogger(__name__)

LOOK_S = 0.1
CLOSE_LIMIT_S = 1.5
MOST_QUEUED_MS = 400
RING_DEVICE_PERIOD_MS = 40
FIRST_PAUSE_S = 0.25
SETTLE_S = 0.3  # udev and the sound server need a moment with a card that was just plugged


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


class AlsaSound:
    """hw.ports.Sound over PyAudio. Never raises for a missing card: it reports and keeps trying."""

    def __init__(self, settings: SoundSettings | None = None) -> None:
        """Nothing is opened before `start`."""
        self._settings = chosen = settings or SoundSettings()
        self._names = Names(chosen.capture, chosen.playback, chosen.ring)
        self._treatment = Treatment(True, chosen.noise_suppression, chosen.gain_control)
        wake = Wake()
        period_ms = chosen.period_ms
        reference = EchoReference(lead_ms=max(10, period_ms))
        self._rings = Rings(
            CaptureRing(wake.set, period_ms, MOST_QUEUED_MS),
            PlayoutRing(period_ms, MOST_QUEUED_MS, reference),
            PlayoutRing(RING_DEVICE_PERIOD_MS, MOST_QUEUED_MS),
        )
        self._reference = reference
        self.mixer = SoftMixer(wake.set)
        self._worker = DspWorker(wake, *self._rings, reference, self.mixer, chosen.realtime_priority)
        self._worker.gain = 10 ** (chosen.capture_gain_db / 20)
        self._depth = PlayoutDepth(chosen.playout_min_ms, chosen.playout_max_ms)
        self._pauses = Pauses(FIRST_PAUSE_S, chosen.retry_max_ms / 1000)
        self._control = shared_control()
        self._keeper: threading.Thread | None = None
        self._told = threading.Event()
        self._ended = False
        self._reopen = False
        self._gain = 1.0
        self._state = SoundState.CLOSED
        self._why = ""
        self._opened = self._losses = 0
        self._devices: Mapping[str, str] = {}
        self.period_ms = period_ms
        self.playout_target_ms = chosen.playout_min_ms
        self.on_state: Callable[[SoundState, str], None] | None = None

    # --- hw.ports.Sound

    @property
    def state(self) -> SoundState:
        """The current state; changes are reported through `on_state`."""
        return self._state

    def start(self) -> None:
        """Open, and keep trying when there is no card; returns at once; idempotent."""
        if self._keeper is not None or self._ended:
            return
        self._worker.canceller = make_canceller(self._settings.echo, self._treatment)
        self._worker.start()
        self._keeper = threading.Thread(target=self._keep, name="sound-keeper", daemon=True)
        self._keeper.start()

    def close(self) -> None:
        """Release the card; idempotent; returns within 2 s even if the sound server is wedged."""
        if self._ended:
            return
        self._ended = True
        self._told.set()
        if self._keeper is not None and self._keeper is not threading.current_thread():
            if self._state is not SoundState.OPEN:
                self._control.interrupt(self._keeper)
            self._keeper.join(CLOSE_LIMIT_S + LOOK_S)
        self._worker.close(0.2)
        self._report(SoundState.CLOSED, "closed")

    def set_capture(self, sink: CaptureSink | None) -> None:
        """Send each captured frame to `sink`, on the DSP thread; it must not block."""
        self._worker.listen(sink)

    def write(self, frame: bytes) -> None:
        """Queue far-end sound, 20 ms or any number of 10 ms; any thread; bounded, the oldest is dropped."""
        self._rings.playback.write(scaled(frame, self._gain))

    def queued_ms(self) -> float:
        """How much far-end audio waits to be played."""
        return float(self._rings.playback.speech_ms())

    def due_ms(self) -> float:
        """How long until the card takes sound that was not written yet."""
        return self._rings.playback.due_ms(time.monotonic())

    def flush(self) -> None:
        """Drop what waits to be played."""
        self._rings.playback.flush()

    def configure(self, constraints: Mapping[str, Any] | None) -> None:
        """Apply `audio_constraints`: echoCancellation, noiseSuppression, autoGainControl (bools), deviceId (a name)."""
        chosen = self._settings
        box = Treatment(True, chosen.noise_suppression, chosen.gain_control)
        treatment = box.constrained(constraints)
        if treatment != self._treatment:
            self._treatment = treatment
            self._worker.canceller = make_canceller(chosen.echo, treatment)
        wanted = (constraints or {}).get("deviceId", chosen.capture)
        self.select(capture=str(wanted.get("exact") or wanted.get("ideal") if isinstance(wanted, Mapping) else wanted))

    def progress_s(self) -> float:
        """Seconds since the card, or the attempt to open one, last showed a sign of life.

        While no card exists the attempts count; while the sound server is wedged nothing does, so that a watchdog
        which is fed from here restarts the process.
        """
        beats = [ring.beat.at for ring in self._rings]
        return time.monotonic() - max(*beats, self._control.last_done)

    # --- beyond the port

    @property
    def reason(self) -> str:
        """The state in words."""
        return self._why

    @property
    def wedged(self) -> bool:
        """Whether the sound server hangs; if that lasts, only a new process helps."""
        return self._control.wedged

    @property
    def playback_name(self) -> str:
        """What plays now, by its full name; empty without a card."""
        return self._devices.get("playback", "")

    def select(self, *, capture: str | None = None, playback: str | None = None, ring: str | None = None) -> None:
        """Use other devices, by name, from now on."""
        given = {"capture": capture, "playback": playback, "ring": ring}
        names = self._names._replace(**{role: name for role, name in given.items() if name is not None})
        if names != self._names:
            self._names = names
            self._reopen = True
            self._told.set()

    def set_gain(self, gain: float) -> None:
        """Software volume of the far end (see hw.volume)."""
        self._gain = gain

    def stats(self) -> SoundStats:
        """The figures so far."""
        playback, worker = self._rings.playback, self._worker
        return SoundStats(
            opened=self._opened,
            lost=self._losses,
            underruns=playback.underruns,
            overruns=self._rings.capture.lost,
            reference_late=self._reference.late,
            reference_locks=self._reference.locks,
            drift_ppm=worker.drift_ppm,
            level_db=worker.level_db,
            frames=worker.frames,
            dsp_s=worker.dsp_s,
            canceller=worker.canceller.name,
            devices=dict(self._devices),
        )

    # --- the keeper

    def _keep(self) -> None:
        while not self._ended:
            try:
                self._keep_one_card()
            except Exception:
                log.exception("looking after the sound card failed; it is tried again")
                self._pause()

    def _keep_one_card(self) -> None:
        self._reopen = False
        card = self._open()
        if card is None:
            self._pause()
            return
        try:
            why = self._watch(card)
            if not self._ended:
                self._losses += 1
                self._report(SoundState.LOST, why)
        finally:
            self._close(card)

    def _open(self) -> OpenCard | None:
        if self._state is SoundState.CLOSED:
            self._report(SoundState.OPENING, "opening the sound card")
        for ring in self._rings:
            ring.forget_beat()
        self._worker.restart()
        limit_s, priority = self._settings.call_limit_ms / 1000, self._settings.realtime_priority
        try:
            card = self._control.run(lambda: open_card(self._names, self._rings, priority), limit_s, OpenCard.close)
        except SoundError as error:
            if not self._ended:
                self._report(SoundState.LOST, str(error))
            return None
        self._worker.convert = card.convert
        self.mixer.separate_ring = "ring" in card.names
        self._devices = card.names
        self._opened += 1
        return card

    def _close(self, card: OpenCard) -> None:
        self.mixer.separate_ring = False
        self._devices = {}
        try:
            self._control.run(card.close, CLOSE_LIMIT_S)
        except SoundWedgedError as error:
            log.debug("the sound card was not released: %s", error)

    def _watch(self, card: OpenCard) -> str:
        """Look after an open card; returns why it must be opened anew."""
        opened_at = time.monotonic()
        before = fingerprint() if card.missing else ()
        while not self._ended and not self._reopen:
            now = time.monotonic()
            stalled = self._stalled(card, opened_at, now)
            if stalled:
                return f"{stalled} stopped"
            self._note_running(card)
            self._depth.update(now, self._rings.playback.underruns)
            self.playout_target_ms = self._depth.target_ms
            if card.missing and self._worth_retrying(before, now - opened_at):
                return "looking for " + " and ".join(card.missing)
            self._told.wait(LOOK_S)
            self._told.clear()
        return "other devices were chosen"

    def _stalled(self, card: OpenCard, opened_at: float, now: float) -> str:
        for role, name in card.names.items():
            beat_at = getattr(self._rings, role).beat.at
            # A stream may take a few buffers at once and then pause for a second, until the other one runs.
            still_starting = now - opened_at < self._settings.start_grace_ms / 1000
            if not still_starting and now - max(beat_at, opened_at) > self._settings.stall_ms / 1000:
                return name
        return ""

    def _note_running(self, card: OpenCard) -> None:
        if not all(getattr(self._rings, role).beat.at for role in card.names):
            return
        self._pauses.reset()
        if card.missing:
            self._report(SoundState.LOST, "; ".join(card.missing.values()))
        else:
            self._report(SoundState.OPEN, ", ".join(dict.fromkeys(card.names.values())))

    def _worth_retrying(self, before: tuple[object, ...], open_s: float) -> bool:
        """With half a card open, each attempt interrupts the other half: only when something changed, or rarely."""
        if open_s > 6 * self._settings.retry_max_ms / 1000:
            return True
        return fingerprint() != before and not self._told.wait(SETTLE_S)

    def _pause(self) -> None:
        """Wait for the next attempt; less when a card is plugged, longer while the sound server hangs."""
        before, until = fingerprint(), time.monotonic() + self._pauses.next_s()
        while not self._ended and not self._reopen and (time.monotonic() < until or self._control.wedged):
            self._told.wait(LOOK_S)
            self._told.clear()
            if fingerprint() != before:
                self._told.wait(SETTLE_S)
                before = fingerprint()
                until = 0.0

    def _report(self, state: SoundState, why: str) -> None:
        if (state, why) == (self._state, self._why):
            return
        changed = state is not self._state
        self._state, self._why = state, why
        if changed:
            log.log(logging.WARNING if state is SoundState.LOST else logging.INFO, "sound is %s: %s", state.value, why)
        else:
            log.debug("sound is still %s: %s", state.value, why)
        if (on_state := self.on_state) is not None:
            on_state(state, why)


def available_devices(limit_s: float = 10.0) -> list[Device]:
    """Every device that can be named, as of now or of when the open card was opened; blocks for about half a second.

    SoundError when sound does not answer.
    """
    return shared_control().run(list_devices, limit_s)
