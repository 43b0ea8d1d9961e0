"""One name in the place of four keys, each of which beats it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import Config, load
from agent.config.profiles import PROFILES, with_profile
from agent.errors import ConfigError

SHIPPED = Path(__file__).parents[2] / "config.toml"


def loaded(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return load(path)


def chosen(config: Config) -> tuple[int, int, int, bool]:
    media, sound = config.media, config.sound
    return media.opus_complexity, media.packet_ms, sound.period_ms, sound.noise_suppression


@pytest.mark.parametrize("text", ["", '[media]\nprofile = "standard"\n'])
def test_the_standard_profile_is_the_defaults(tmp_path: Path, text: str) -> None:
    config = loaded(tmp_path, text)
    assert (config.media, config.sound) == (Config().media, Config().sound)


def test_the_small_profile_sets_four_keys_of_two_sections(tmp_path: Path) -> None:
    assert chosen(loaded(tmp_path, '[media]\nprofile = "small"\n')) == (0, 40, 20, False)


def test_a_key_that_is_given_beats_the_profile(tmp_path: Path) -> None:
    text = '[sound]\nnoise_suppression = true\n[media]\nprofile = "small"\npacket_ms = 60\n'
    assert chosen(loaded(tmp_path, text)) == (0, 60, 20, True)


def test_the_profile_works_in_the_file_that_is_shipped(tmp_path: Path) -> None:
    text = SHIPPED.read_text().replace('profile = "standard"', 'profile = "small"')
    assert chosen(loaded(tmp_path, text)) == (0, 40, 20, False)


@pytest.mark.parametrize("value", ['"tiny"', "1", "true", "[]", "{}", '""', '"Small"'])
def test_a_profile_that_does_not_exist_is_refused_by_name(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match=r"config.toml:2: media.profile: "):
        loaded(tmp_path, f"[media]\nprofile = {value}\n")


@pytest.mark.parametrize("text", ["media = 1\n", 'sound = "x"\n[media]\nprofile = "small"\n'])
def test_what_is_no_table_is_still_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="expected a table"):
        loaded(tmp_path, text)


def test_a_file_is_left_as_it_was() -> None:
    tables = {"media": {"profile": "small"}, "sound": {"echo": "none"}}
    filled = with_profile(tables)
    assert tables == {"media": {"profile": "small"}, "sound": {"echo": "none"}}
    assert filled["sound"] == {"echo": "none", **PROFILES["small"]["sound"]}
