"""config.toml as one frozen object; a file that cannot be used is refused with every problem named.

Each room declares its own settings; their names here are the sections of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent.config.schema import Reader
from agent.config.settings import AnsweringSettings, BoxSettings, ServiceSettings
from agent.config.toml_source import read_toml
from agent.errors import ConfigError
from agent.media.settings import MediaSettings
from agent.page.settings import PageSettings
from agent.signaling.settings import SignalingSettings
from agent.signaling.token.token_settings import SOURCES, TokenSettings
from agent.switchboard.settings import SwitchboardSettings
from agent.voice.settings import CallSettings
from hw.panel.settings import ButtonSettings, DoorSettings, LightSettings, RelaySettings
from hw.sound.settings import SoundSettings


@dataclass(frozen=True)
class DoorSection(RelaySettings, DoorSettings):
    """`[door]`: the relay and the code that works it."""


@dataclass(frozen=True)
class Config:
    """All settings of one box; every default is usable, and a section that is left out keeps its defaults."""

    box: BoxSettings = field(default_factory=BoxSettings)
    signaling: SignalingSettings = field(default_factory=SignalingSettings)
    token: TokenSettings = field(default_factory=TokenSettings)
    call: CallSettings = field(default_factory=CallSettings)
    answering: AnsweringSettings = field(default_factory=AnsweringSettings)
    media: MediaSettings = field(default_factory=MediaSettings)
    sound: SoundSettings = field(default_factory=SoundSettings)
    buttons: Mapping[str, ButtonSettings] = field(default_factory=dict)
    lights: Mapping[str, LightSettings] = field(default_factory=dict)
    door: DoorSection = field(default_factory=DoorSection)
    page: PageSettings = field(default_factory=PageSettings)
    switchboard: SwitchboardSettings = field(default_factory=SwitchboardSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)


def load_for_calls(path: str | Path) -> Config:
    """As `load`, for those who will call: without a source of tokens it raises `ConfigError`, too."""
    config = load(path)
    if not config.token.source:
        known = ", ".join(SOURCES)
        hint = 'for a switchboard on this machine key_file = ".../api_key.json", out of its state folder'
        raise ConfigError(f"{path}: token: no source of access tokens; expected one of {known} ({hint})")
    return config


def control_socket_of(path: Path | None) -> str:
    """Where the agent with these settings is reached; empty, without a file or a setting: at the usual place."""
    return load(path).service.control_socket if path is not None else ""


def load(path: str | Path) -> Config:
    """Read `path`; raises `ConfigError`, its message a line for every problem: file, line, key, what was expected."""
    source = read_toml(Path(path))
    reader = Reader(source)
    config = reader.read(Config, source.tables)
    if isinstance(config, Config):
        for key, text in _contradictions(config):
            reader.problem(key, text)
    reader.finish()
    assert isinstance(config, Config)
    return config


def _contradictions(config: Config) -> Iterator[tuple[str, str]]:
    """What no section can see by itself: key and what is wrong with it."""
    if config.door.pin is not None:
        return
    if config.door.code:
        yield "door.code", "it opens nothing; expected the relay's pin in door.pin"
    for name, button in config.buttons.items():
        for gesture, action in button.bindings().items():
            if action.name == "door":
                yield f"buttons.{name}.{gesture}", "'door' opens nothing; expected the relay's pin in door.pin"
