"""The speaker's volume, from the hub: at once in numbers; the card's mixer follows on a thread of its own.

A mixer is behind the same drivers and servers as the card, and hangs with them; the hub must not.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import gevent
from gevent.event import Event

from agent.hub_clock import sleep_to_round
from agent.supervision.heartbeat import Heartbeat
from hw.sound.settings import SoundSettings
from hw.sound.volume import Adjustable, Volume

LOOK_S = 15.0  # how often it is looked what others did to the card's mixer
MUTED = "the sound card is muted; turn its mute off, or press a volume button"


class SpeakerVolume:
    """Percent of the speaker; `run` is a child for the supervisor."""

    def __init__(
        self,
        settings: SoundSettings,
        speaker: Adjustable,
        on_change: Callable[[], None],
        trouble: Callable[[str], None] = lambda _why: None,
        local_time: Callable[[], datetime] = datetime.now,
    ) -> None:
        """`on_change()` is called on the hub at each change, and again when it was carried out.

        `trouble(why)` is told while the card is muted, and "" when it is not.
        """
        self.percent = settings.volume_percent
        self._step = settings.volume_step_percent
        self._speaker = speaker
        self._on_change = on_change
        self._trouble = trouble
        self._local_time = local_time
        self._volume = Volume(settings, speaker)
        self._volume.apply()
        self._card_is_new = False
        self._wanted = Event()

    @property
    def muted(self) -> bool:
        """Whether the card is silent although the volume is not 0."""
        return self._volume.muted

    @property
    def on_card(self) -> bool:
        """Whether the card's own mixer is used."""
        return self._volume.on_card

    def set(self, percent: int) -> None:
        """Set it, 0 to 100."""
        self.percent = max(0, min(100, percent))
        self._wanted.set()
        self._on_change()

    def change(self, steps: int) -> None:
        """Turn it up, or down, by so many presses of a button."""
        self.set(self.percent + steps * self._step)

    def use(self, settings: SoundSettings) -> None:
        """Take another volume and step from the settings."""
        self._step = settings.volume_step_percent
        self.set(settings.volume_percent)

    def card_opened(self) -> None:
        """Find the mixer of the card that plays now."""
        self._card_is_new = True
        self._wanted.set()

    def before_ringing(self) -> None:
        """Make the ring as loud as this time of day allows."""
        self._volume.before_ringing(self._local_time())

    def run(self, heartbeat: Heartbeat) -> None:
        """Carry changes out until it is killed."""
        threads = gevent.get_hub().threadpool
        while True:
            if sleep_to_round(LOOK_S, self._wanted):
                self._wanted.clear()
                if self._card_is_new:
                    self._card_is_new = False
                    threads.apply(self._volume.apply, (self._speaker.playback_name, self._speaker.bell_name))
                threads.apply(self._volume.set, (self.percent,))
                self._tell()
            elif self._volume.has_mixer:
                self._look(threads)
            heartbeat.beat()

    def _look(self, threads: Any) -> None:
        before = (self._volume.percent, self.muted)
        threads.apply(self._volume.look)
        if (self._volume.percent, self.muted) != before:
            if not self._wanted.is_set():
                self.percent = self._volume.percent
            self._tell()

    def _tell(self) -> None:
        self._trouble(MUTED if self.muted else "")
        self._on_change()
