"""All settings of one box; each room declares its own, and their names here are the sections of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.config.directory import DirectoryEntry, KeypadSettings
from agent.config.profiles import PROFILES
from agent.config.settings import AnsweringSettings, BoxSettings, ServiceSettings
from agent.house.hooks.settings import HookSettings
from agent.house.metrics.settings import MetricsSettings
from agent.house.mqtt.settings import MqttSettings
from agent.media.settings import MediaSettings
from agent.page.api_keys import ApiSettings
from agent.page.settings import PageSettings
from agent.signaling.settings import SignalingSettings
from agent.signaling.sip.settings import SipSettings
from agent.signaling.token.token_settings import TokenSettings
from agent.switchboard.settings import SwitchboardSettings
from agent.voice.settings import CallSettings
from hw.panel.code_book import CodeSettings
from hw.panel.settings import ButtonSettings, DoorSettings, LightSettings, RelaySettings
from hw.setting import setting
from hw.sound.settings import SoundSettings


@dataclass(frozen=True)
class MediaSection(MediaSettings):
    """`[media]`: those of a call, and the profile that some of them, and of `[sound]`, come from."""

    profile: str = setting(
        "standard", "standard, or small for a slow board: sets keys of [media] and [sound]", choices=tuple(PROFILES)
    )


@dataclass(frozen=True)
class DoorSection(RelaySettings, DoorSettings):
    """`[door]`: the relay and the code that works it."""


@dataclass(frozen=True)
class Config:
    """All settings of one box; every default is usable, and a section that is left out keeps its defaults."""

    box: BoxSettings = field(default_factory=BoxSettings)
    signaling: SignalingSettings = field(default_factory=SignalingSettings)
    sip: SipSettings = field(default_factory=SipSettings)
    token: TokenSettings = field(default_factory=TokenSettings)
    call: CallSettings = field(default_factory=CallSettings)
    answering: AnsweringSettings = field(default_factory=AnsweringSettings)
    media: MediaSection = field(default_factory=MediaSection)
    sound: SoundSettings = field(default_factory=SoundSettings)
    directory: Mapping[str, DirectoryEntry] = field(default_factory=dict)
    keypad: KeypadSettings = field(default_factory=KeypadSettings)
    buttons: Mapping[str, ButtonSettings] = field(default_factory=dict)
    lights: Mapping[str, LightSettings] = field(default_factory=dict)
    door: DoorSection = field(default_factory=DoorSection)
    doors: Mapping[str, RelaySettings] = field(default_factory=dict)
    codes: Mapping[str, CodeSettings] = field(default_factory=dict)
    page: PageSettings = field(default_factory=PageSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    hooks: Mapping[str, HookSettings] = field(default_factory=dict)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    switchboard: SwitchboardSettings = field(default_factory=SwitchboardSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)

    def all_doors(self) -> dict[str, RelaySettings]:
        """Return every door that has a relay, by name; that of [door] has the empty one."""
        return {name: door for name, door in {"": self.door, **self.doors}.items() if door.pin is not None}
