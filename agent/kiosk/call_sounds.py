"""What the box lets be heard beside speech: its ring in the quiet hours and outside them, and how a call comes along.

The ring and the tones of calls that begin and end are the Device's (`agent.voice.sounds`); here is which files and
which country's they are, when the ring is soft, and what a caller in front of the box hears meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import gevent

from agent.voice.device import Device
from agent.voice.sounds import DISCONNECT, INCOMING, OUTGOING, Sounds
from hw.errors import ToneError
from hw.sound import tones
from hw.sound.interface import Mixer, Playing
from hw.sound.settings import SoundSettings
from hw.sound.sound_file import SoundFile
from hw.sound.wav_files import load_pcm

log = logging.getLogger(__name__)

FAILED_MS = 4_000  # how long a tone is worth listening to that says why there is no call


def replacements(settings: SoundSettings) -> dict[str, bytes | SoundFile]:
    """Load the Device's sounds that the settings choose, by name: files, and the ring of a country."""
    files = {INCOMING: settings.ring_file, OUTGOING: settings.connect_file, DISCONNECT: settings.disconnect_file}
    chosen: dict[str, bytes | SoundFile] = {INCOMING: tones.ring(settings.tone_country)}
    for name, file in files.items():
        try:
            if file:
                chosen[name] = SoundFile(file) if name == INCOMING else load_pcm(file)
        except ToneError as error:
            log.warning("the usual sound is played in the place of a file: %s", error)
    return chosen


class BoxSounds(Sounds):
    """The Device's sounds; `before_ringing()` is called before each ring, to set how loud it is."""

    def __init__(self, before_ringing: Callable[[], Any], *arguments: Any) -> None:
        """`arguments` are those of the Device's own."""
        super().__init__(*arguments)
        self._before_ringing = before_ringing

    def play(self, name: str) -> Any:
        """Start a sound."""
        if name == INCOMING:
            self._before_ringing()
        return super().play(name)


class CallSounds:
    """What is heard of a box's own calls as they come along: the Device's sounds and the tones of progress together."""

    def __init__(self, device: Device, progress: ProgressTones) -> None:
        self._device = device
        self._tones = progress

    def may_ring(self, may: bool) -> None:
        """Let incoming calls be heard, or not."""
        self._device.sounds.incoming(may)

    def dialling(self) -> None:
        """Begin an outgoing call: one that does not come about ends with the busy tone instead of the usual one."""
        self.connecting()
        if not self._device.options.enable_ringing_state:
            self._tones.ringback()  # nothing will say when it rings

    def dialling_next(self) -> None:
        """Go on with whoever is dialled next: what rings goes on ringing."""
        if not self._tones.is_ringback:
            self.dialling()

    def connecting(self) -> None:
        """Fill the time until there is something to hear, of a call that is dialled or was just accepted."""
        self._device.sounds.disconnect(False)
        self._tones.working()

    def recovering(self, under_way: bool) -> None:
        """Fill the time in which a call is being saved, once it takes longer; or end that."""
        if under_way:
            self._tones.working()
        else:
            self._tones.stop()

    def ringing_there(self, has_early_media: bool) -> None:
        """Play the ringback tone, unless the other end sends its own."""
        if has_early_media:
            self._tones.stop()
        else:
            self._tones.ringback()

    def talking(self, incoming: bool) -> None:
        """Let an answer be heard of incoming calls too; the Device does so for those that went out."""
        self._tones.stop()
        self._device.sounds.disconnect(True)
        if incoming:
            self._device.sounds.play_if_enabled(OUTGOING)

    def over(self, failed: bool) -> None:
        """End the tones, or play the busy tone for a call that failed before it was answered."""
        self._device.sounds.disconnect(True)
        if failed:
            self._tones.failed()
        else:
            self._tones.stop()

    def unreachable(self) -> None:
        """Let it be heard that there is no connection to the service: no call is possible."""
        self._device.sounds.disconnect(True)
        self._tones.unreachable()

    def refused(self) -> None:
        """Let a press be heard that did nothing, unless a tone says so."""
        if not self._tones.says_failed:
            self._tones.signal(tones.refused())

    def signal(self, pcm: bytes) -> None:
        """Play 48 kHz mono int16 once, over what is heard."""
        self._tones.signal(pcm)

    def key(self, digit: str) -> None:
        """Let a digit be heard that was typed; what is heard tells nobody which."""
        self._tones.signal(tones.key(digit, fake=True))


class ProgressTones:
    """What whoever dials hears until somebody answers: ringback, or busy or unreachable when nobody will (E.180)."""

    def __init__(self, mixer: Mixer, country: str) -> None:
        """`country` as in `[sound] tone_country`."""
        self._mixer = mixer
        self._country = country
        self._playing: Playing | None = None
        self._failed: Playing | None = None
        self._ringback: Playing | None = None

    @property
    def is_ringback(self) -> bool:
        """Whether the ringing at the other end is heard."""
        return self._ringback is not None and self._ringback is self._playing and not self._ringback.done

    @property
    def says_failed(self) -> bool:
        """Whether a tone is heard that says why there is no call."""
        return self._failed is not None and self._failed is self._playing and not self._failed.done

    def prepare(self) -> None:
        """Compute the tones on another thread, so that they need no time later."""
        for tone in (tones.ringback, tones.busy):
            gevent.get_hub().threadpool.spawn(tone, self._country)

    def ringback(self) -> None:
        """Let the ringing at the other end be heard; one that is heard already goes on."""
        if not self.is_ringback:
            self._play(tones.ringback(self._country), None)
            self._ringback = self._playing

    def failed(self) -> None:
        """Play the busy tone for a while."""
        self._play(tones.busy(self._country), FAILED_MS)
        self._failed = self._playing

    def unreachable(self) -> None:
        """Play the tone of a network that is not reached for a while."""
        self._play(tones.unreachable(), FAILED_MS)
        self._failed = self._playing

    def working(self) -> None:
        """Tick, after a while."""
        self._play(tones.working(), None)

    def signal(self, pcm: bytes) -> None:
        """Play a short tone over what is heard."""
        self._mixer.play(pcm)

    def stop(self) -> None:
        """Fall silent."""
        if self._playing is not None:
            self._playing.stop()
            self._playing = None

    def _play(self, pcm: bytes, max_ms: int | None) -> None:
        self.stop()
        self._playing = self._mixer.play(pcm, loop=True, max_ms=max_ms)
