"""Keeps a sound card open: opens by name, watches the age of the callbacks, closes, pauses, and tries again.

PortAudio calls a dead stream active, and its own list of devices never changes; so whatever happens, everything is
closed and opened from the start. What the keeper finds is reported as

    CLOSED -> OPENING -> OPEN <-> LOST -> CLOSED

LOST may be half a loss: when only the microphone or only the speaker is missing, the other one works on.

A card that nobody has used for a while rests (hw.sound.card_rest); it is still OPEN then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from hw.closing import Closing
from hw.errors import SoundDeniedError, SoundError, SoundWedgedError
from hw.sound.backoff import Pauses
from hw.sound.card_news import CardNews
from hw.sound.card_rest import CardRest
from hw.sound.dsp import DspWorker
from hw.sound.interface import SoundState
from hw.sound.mixer import SoftMixer
from hw.sound.portaudio import Names, OpenCard, Rings, open_card
from hw.sound.portaudio_thread import shared_control
from hw.sound.presence import fingerprint
from hw.sound.priority import raise_priority
from hw.sound.settings import SoundSettings

log = logging.getLogger(__name__)

LOOK_S = 0.1
LOST_LOOK_S = 0.5
START_LIMIT_S = 5.0  # what a card that is open is given to stop or to start
CLOSE_LIMIT_S = 1.5
FIRST_PAUSE_S = 0.25
FAULT_PAUSE_S = 1.0
SETTLE_S = 0.3  # udev and the sound server need a moment with a card that was just plugged
HALF_PATIENCE = 6  # with half a card open, so many times the longest pause between attempts


class CardKeeper(Closing):
    """One native thread; never raises."""

    def __init__(self, settings: SoundSettings, names: Names, rings: Rings, worker: DspWorker, mixer: SoftMixer,
                 on_state: Callable[[SoundState, str], None], on_look: Callable[[float], None]) -> None:
        """Calls `on_state(state, why)` on its thread, and `on_look(now)` ten times a second while a card is open."""
        self._settings = settings
        self._rings, self._worker, self._mixer = rings, worker, mixer
        self._on_state, self._on_look = on_state, on_look
        self._pauses = Pauses(FIRST_PAUSE_S, settings.retry_max_ms / 1000)
        self._control = shared_control()
        self._thread: threading.Thread | None = None
        self._news: CardNews | None = None
        self._ended = False
        self._reopen = False
        self._paused_at = 0.0
        self._started_at = 0.0
        self.rest = CardRest(self._control, worker, rings, min(START_LIMIT_S, settings.call_limit_ms / 1000))
        self.names = names
        self.devices: Mapping[str, str] = {}
        self.state, self.why = SoundState.CLOSED, ""
        self.is_denied = False  #: the latest attempt failed because this user may not open a card
        self.opened = self.lost = self._handler_faults = 0

    @property
    def wedged(self) -> bool:
        """Whether the sound server hangs."""
        return self._control.wedged

    def progress_s(self) -> float:
        """Return the seconds since a callback ran, PortAudio answered, or the thread had reason to pause or to rest.

        A server that hangs is a reason where this process never had a card: another one would hang as well.
        """
        if self.rest.is_on and self._lives:
            return self.rest.age_s()
        beats = [ring.beat.at for ring in self._rings]
        return time.monotonic() - max(*beats, self._control.last_done, self._paused_at, self.rest.ended_at)

    @property
    def _lives(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread, or another one if it has died; idempotent."""
        if not self._lives and not self._ended:
            self._thread = threading.Thread(target=self._keep, name="sound-keeper", daemon=True)
            self._thread.start()

    def use(self, names: Names) -> None:
        """Use other devices from now on."""
        if names != self.names:
            self.names = names
            self._reopen = True
            self._tell_thread()

    def _tell_thread(self) -> None:
        if (news := self._news) is not None:
            news.tell()

    def close(self) -> None:
        """End the thread and release the card; idempotent; gives up a card that does not let go."""
        if self._ended:
            return
        self._ended = True
        self._tell_thread()
        if self._thread is not None and self._thread is not threading.current_thread():
            if self.state is not SoundState.OPEN:
                self._control.interrupt(self._thread)
            self._thread.join(CLOSE_LIMIT_S + LOOK_S)
        self._report(SoundState.CLOSED, "closed")

    def _keep(self) -> None:
        raise_priority(self._settings.realtime_priority)  # the first word after a rest waits for it
        while not self._ended:
            try:
                news = self._news = CardNews()
            except OSError as error:  # too many open files, which may become fewer
                self._report(SoundState.LOST, f"the sound card cannot be looked after: {error.strerror}")
                time.sleep(FAULT_PAUSE_S)
            else:
                with news:
                    self._keep_on(news)

    def _keep_on(self, news: CardNews) -> None:
        faults = 0
        while not self._ended:
            try:
                self._keep_one_card(news)
                faults = 0
            except BaseException as error:  # nothing may end this thread: nobody else opens the card again
                faults += 1
                level = logging.ERROR if faults == 1 else logging.DEBUG
                log.log(level, "looking after the sound card failed; it is tried again", exc_info=True)
                self._report(SoundState.LOST, f"an internal fault: {type(error).__name__}")
                news.wait(FAULT_PAUSE_S)

    def _keep_one_card(self, news: CardNews) -> None:
        self._reopen = False
        card = self._open()
        if card is None:
            self._pause(news)
            return
        try:
            why = self._watch(card, news)
            if why and not self._ended:
                self.lost += 1
                self._report(SoundState.LOST, why)
        finally:
            self._close(card)

    def _open(self) -> OpenCard | None:
        if self.state is SoundState.CLOSED:
            self._report(SoundState.OPENING, "opening the sound card")
        self._paused_at = time.monotonic()  # what the beats told is forgotten now, and the last answer may be old
        for ring in self._rings:
            ring.forget_beat()
        self._worker.restart()
        limit_s, priority = self._settings.call_limit_ms / 1000, self._settings.realtime_priority
        try:
            card = self._control.run(lambda: open_card(self.names, self._rings, priority), limit_s, OpenCard.close)
        except SoundError as error:
            self.is_denied = isinstance(error, SoundDeniedError)
            if not self._ended:
                self._report(SoundState.LOST, str(error))
            return None
        self.is_denied = False
        self._worker.convert = card.convert
        self._mixer.separate_ring = "ring" in card.names
        self.devices = card.names
        self.opened += 1
        return card

    def _close(self, card: OpenCard) -> None:
        self._mixer.separate_ring = False
        self.devices = {}
        try:
            self._control.run(card.close, CLOSE_LIMIT_S)
        except SoundWedgedError as error:
            log.debug("the sound card was not released: %s", error)

    def _watch(self, card: OpenCard, news: CardNews) -> str:
        """Look after an open card; returns why it must be opened anew, nothing where that only shows how it is."""
        opened_at = self._started_at = time.monotonic()
        self.rest.put_off(opened_at)
        before = fingerprint() if card.missing else ()
        while not self._ended and not self._reopen:
            now = time.monotonic()
            stalled = self._stalled(card, now)
            if stalled:
                return f"{stalled} stopped"
            self._note_running(card)
            self._tell(self._on_look, now)
            if card.missing and self._worth_retrying(news, before, now - opened_at):
                return "looking for " + " and ".join(card.missing)
            if self.state is not SoundState.OPEN:
                self.rest.put_off(now)  # only while it works is it known that the other half of a card does
            if not self.rest.is_due(now):
                news.wait(LOOK_S)
                continue
            try:
                had_news = self.rest.take(card, news, lambda: self._ended or self._reopen)
            except SoundError as error:
                return str(error)
            if had_news:
                news.wait(SETTLE_S)
                return ""
            self._started_at = time.monotonic()
        return "other devices were chosen"

    def _stalled(self, card: OpenCard, now: float) -> str:
        for role, name in card.names.items():
            beat_at = getattr(self._rings, role).beat.at
            # A stream may take a few buffers at once and then pause for a second, until the other one runs.
            still_starting = now - self._started_at < self._settings.start_grace_ms / 1000
            if not still_starting and now - max(beat_at, self._started_at) > self._settings.stall_ms / 1000:
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

    def _worth_retrying(self, news: CardNews, before: tuple[object, ...], open_s: float) -> bool:
        """With half a card open, each attempt interrupts the other half: only when something changed, or rarely."""
        if open_s > HALF_PATIENCE * self._settings.retry_max_ms / 1000:
            return True
        if fingerprint() == before:
            return False
        news.wait(SETTLE_S)
        return True

    def _pause(self, news: CardNews) -> None:
        """Wait for the next attempt; less when a card is plugged, longer while the sound server hangs.

        Each attempt costs half a second of CPU time, and PortAudio loses some 12 kB of memory by it.
        """
        before, until = fingerprint(), time.monotonic() + self._pauses.take_s()
        while not self._ended and not self._reopen and (time.monotonic() < until or self._control.wedged):
            news.wait(min(LOST_LOOK_S, max(0.0, until - time.monotonic())) if not self._control.wedged else LOST_LOOK_S)
            if not (self._control.wedged and self.opened):
                self._paused_at = time.monotonic()
            if self._control.wedged:
                continue
            if fingerprint() != before:
                news.wait(SETTLE_S)
                self._pauses.reset()
                return

    def _report(self, state: SoundState, why: str) -> None:
        if (state, why) == (self.state, self.why):
            return
        changed = state is not self.state
        self.state, self.why = state, why
        if changed:
            log.log(logging.WARNING if state is SoundState.LOST else logging.INFO, "sound is %s: %s", state.value, why)
        else:
            log.debug("sound is still %s: %s", state.value, why)
        self._tell(self._on_state, state, why)

    def _tell(self, handler: Callable[..., None], *facts: object) -> None:
        """Call a handler; whatever it raises is its own affair."""
        try:
            handler(*facts)
        except BaseException:
            self._handler_faults += 1
            level = logging.ERROR if self._handler_faults == 1 else logging.DEBUG
            log.log(level, "who is told about the sound card failed: %r", handler, exc_info=True)
