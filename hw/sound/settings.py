"""The `[sound]` section of config.toml: which card, how it is treated, and what it sounds like."""

from __future__ import annotations

from dataclasses import dataclass

from hw.errors import SettingError
from hw.setting import setting
from hw.sound.country_tones import COUNTRIES


@dataclass(frozen=True)
class SoundSettings:
    """What an installer may choose about sound; the defaults fit one USB card with a speaker and a microphone."""

    driver: str = setting("alsa", "alsa: a sound card; wav: files paced by the clock; none: silence",
                          choices=("alsa", "wav", "none"))
    capture: str = setting("default", "microphone: name, part of a name, plughw:CARD=...; none: no microphone")
    playback: str = setting("default", "speaker: name, part of a name, plughw:CARD=...; none: no speaker")
    ring: str = setting("", "a second speaker that only rings; empty: the speaker rings")
    period_ms: int = setting(10, "card period: short ones delay less, long ones cost less", choices=(5, 10, 20, 40))
    echo: str = setting("auto", "echo canceller: auto takes webrtc, else speex",
                        choices=("auto", "webrtc", "speex", "none"))
    noise_suppression: bool = setting(True, "take steady noise out of what the microphone hears")
    gain_control: bool = setting(False, "even out quiet and loud talkers")
    capture_gain_db: float = setting(0.0, "fixed gain of the microphone", min=-30.0, max=30.0)
    volume_percent: int = setting(80, "speaker volume", min=0, max=100)
    ring_volume_percent: int = setting(100, "volume of the ring, on top of the speaker's", min=0, max=100)
    volume_step_percent: int = setting(10, "how much one press of a volume button changes", min=1, max=50)
    volume_control: str = setting("auto", "alsa: the card's mixer; software: gain; auto: the mixer where there is one",
                                  choices=("auto", "alsa", "software"))
    mixer: str = setting("", "name of the card's mixer control; empty: the first usable one")
    playout_min_ms: int = setting(2, "far-end audio is written this long before the card needs it, at least",
                                  min=2, max=200)
    playout_max_ms: int = setting(120, "the same at most, where the machine is that often late", min=20, max=400)
    realtime_priority: int = setting(10, "priority of the sound threads where the user may raise it; 0: ordinary",
                                     min=0, max=50)
    stall_ms: int = setting(500, "a card that is silent for so long counts as lost", min=100, max=10_000)
    start_grace_ms: int = setting(3_000, "how long a card may take to begin", min=500, max=60_000)
    call_limit_ms: int = setting(10_000, "how long the sound server may take for one request", min=1_000, max=60_000)
    retry_max_ms: int = setting(60_000, "longest pause between attempts to open a lost card; one that is plugged is "
                                "tried at once", min=100, max=600_000)
    tone_country: str = setting("us", "whose ring, ringback and busy tones", choices=tuple(sorted(COUNTRIES)),
                                meant={"uk": "gb", "en": "gb", "usa": "us", "sv": "se", "da": "dk"})
    ring_file: str = setting("", "a WAV file that rings instead of the country's bell", kind="wav")
    connect_file: str = setting("", "a WAV file instead of the connect tone", kind="wav")
    disconnect_file: str = setting("", "a WAV file instead of the disconnect tone", kind="wav")
    quiet_from: str = setting("", "start of the quiet hours; empty: none", kind="hhmm")
    quiet_to: str = setting("", "end of the quiet hours", kind="hhmm")
    quiet_volume_percent: int = setting(0, "volume of the ring in the quiet hours", min=0, max=100)
    wav_capture: str = setting("", "driver wav: the file that is the microphone; empty: silence", kind="wav")
    wav_playback: str = setting("", "driver wav: the file that is the speaker; empty: nowhere", kind="new_file")
    wav_loop: bool = setting(False, "driver wav: start the microphone's file again at its end")

    def __post_init__(self) -> None:
        """Raises SettingError for settings that contradict each other, or have no effect."""
        if bool(self.quiet_from) != bool(self.quiet_to):
            missing = "quiet_to" if self.quiet_from else "quiet_from"
            raise SettingError(f"quiet hours need a start and an end; {missing} is missing")
        if self.quiet_from and self.quiet_from == self.quiet_to:
            raise SettingError("quiet_from and quiet_to are the same: no time lies between them")
        if self.quiet_volume_percent and not self.quiet_from:
            raise SettingError("quiet_volume_percent needs quiet hours: expected quiet_from and quiet_to")
        if self.playout_min_ms > self.playout_max_ms:
            raise SettingError("playout_min_ms must not be greater than playout_max_ms")
        if self.mixer and self.volume_control == "software":
            raise SettingError('mixer names a control of the card; expected volume_control = "auto" or "alsa" with it')
