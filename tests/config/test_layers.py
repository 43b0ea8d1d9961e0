"""One file of settings for all boxes, and one of each box's own over it: the upper one wins, key by key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from agent import cli
from agent.config import Config, load, load_for_box, origins
from agent.config.outputs import outputs_of
from agent.config.part import control_socket_of
from agent.config.settings_file import SettingsFile
from agent.errors import ConfigError
from hw.panel.settings import RelaySettings

COMMON = """
[box]
identity = "somebody"
pins = "mock"

[media]
codec_preferences = ["opus", "pcmu"]

[[media.ice_servers]]
urls = ["stun:stun.example.org"]

[buttons.accept]
pin = 17
short = "accept"

[door]
pin = 26
active_low = true
"""
OWN = """[box]
identity = "gate"
[buttons.accept]
short = "bell:office"
"""


class Settings:
    """A file, and what lies over it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "config.toml"
        self.folder = folder / "config.d"
        self.folder.mkdir()
        self.write(self.path, COMMON)

    def write(self, path: Path, text: str, mode: int = 0o600) -> Path:
        path.write_text(text)
        path.chmod(mode)
        return path

    def over(self, name: str, text: str, mode: int = 0o600) -> Path:
        return self.write(self.folder / name, text, mode)

    def load(self) -> Config:
        return load(self.path)

    def refused(self) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load_for_box(self.path)
        return str(caught.value).splitlines()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path)


def test_a_box_says_what_is_its_own_and_has_the_rest_of_all(settings: Settings) -> None:
    settings.over("50-gate.toml", OWN)

    config = settings.load()

    assert (config.box.identity, config.box.pins) == ("gate", "mock")
    assert (config.buttons["accept"].short, config.buttons["accept"].pin) == ("bell:office", 17)
    assert config.door.active_low


def test_of_several_files_the_last_by_name_wins(settings: Settings) -> None:
    settings.over("90-trial.toml", '[box]\nidentity = "trial"\n')
    settings.over("10-site.toml", '[box]\nidentity = "site"\n[sound]\nvolume_percent = 30\n')

    config = settings.load()

    assert (config.box.identity, config.sound.volume_percent) == ("trial", 30)


def test_a_list_is_replaced_and_not_joined(settings: Settings) -> None:
    settings.over("50-gate.toml", '[media]\ncodec_preferences = ["pcmu"]\nice_servers = []\n')

    media = settings.load().media

    assert (media.codec_preferences, media.ice_servers) == (("pcmu",), ())


@pytest.mark.parametrize("name", [".50-gate.toml.swp", ".gate.toml", "gate.toml~", "gate.toml.bak", "README"])
def test_what_an_editor_or_somebody_left_there_is_no_layer(settings: Settings, name: str) -> None:
    settings.over(name, "= not toml\n")

    assert settings.load().box.identity == "somebody"


def test_names_of_files_start_at_the_folder_of_the_lowest_file(settings: Settings) -> None:
    """So that a key means the same in whichever of them it stands."""
    (settings.path.parent / "ca.pem").symlink_to(ca_file())
    settings.over("50-gate.toml", '[signaling]\nca_file = "ca.pem"\n')

    assert settings.load().signaling.ca_file == str(settings.path.parent / "ca.pem")


def ca_file() -> str:
    import ssl

    return ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"


def test_each_problem_names_the_file_that_has_it(settings: Settings) -> None:
    own = settings.over("50-gate.toml", '[buttons.accept]\nshort = "acept"\n[buttons.mute]\npin = 17\nshort = "mute"\n')
    site = settings.over("10-site.toml", "[sound]\nvolume_percnt = 30\n[box]\nidentity = 5\n")

    told = settings.refused()

    assert told[0].startswith(f"{site}:2: sound.volume_percnt: unknown key")
    assert told[1].startswith(f"{site}:4: box.identity: 5: expected")
    assert told[2].startswith(f"{own}:2: buttons.accept.short: 'acept' is no action")
    assert told[3].startswith(f"{own}:4: buttons.mute.pin: GPIO 17 is used by buttons.accept.pin already")
    assert len(told) == 4


def test_what_is_replaced_is_not_looked_at(settings: Settings) -> None:
    settings.write(settings.path, COMMON.replace('short = "accept"', 'short = "acept"'))
    settings.over("50-gate.toml", OWN)

    assert settings.load().buttons["accept"].short == "bell:office"


def test_a_value_in_a_table_on_one_line_is_placed_in_its_own_file(settings: Settings) -> None:
    own = settings.over("50-gate.toml", 'door = { pin = "x" }\n')

    assert [line.partition(": ")[0] for line in settings.refused()] == [f"{own}:1"]


def test_a_section_in_the_place_of_a_value_is_told_where_it_stands(settings: Settings) -> None:
    own = settings.over("50-gate.toml", "door = 5\n")

    assert settings.refused() == [f"{own}:1: door: this value: expected a table [door]"]


def test_every_file_that_is_no_toml_is_told(settings: Settings) -> None:
    settings.over("10-site.toml", "[box\n")
    settings.over("50-gate.toml", "identity = gate\n")

    told = settings.refused()

    assert [line.split(": not valid TOML")[0] for line in told] == [
        f"{settings.folder}/10-site.toml:1", f"{settings.folder}/50-gate.toml:1",
    ]  # fmt: skip


def test_a_file_in_the_place_of_the_folder_is_refused(settings: Settings) -> None:
    settings.folder.rmdir()
    settings.folder.touch()

    assert settings.refused() == [
        f"{settings.folder}: cannot be read (Not a directory); expected a folder with settings"
    ]


def test_without_the_lowest_file_there_are_no_settings(settings: Settings) -> None:
    settings.over("50-gate.toml", OWN)
    settings.path.unlink()

    assert settings.refused()[0].startswith(f"{settings.path}: cannot be read")


# --- what is taken back ---

WHOLE = COMMON + """
[lights.status]
pin = 24
[doors.gate]
pin = 19
[codes.post]
hash = "scrypt:2048:6:{salt}:{hash}"
[directory.office]
targets = ["office"]
[hooks.siren]
on = ["ring"]
command = ["/bin/true"]
[api.keys.home]
key_hash = "sha256:{hash}"
""".format(salt="00" * 16, hash="00" * 32)
NAMED = (
    "buttons.accept", "lights.status", "doors.gate", "codes.post", "directory.office", "hooks.siren", "api.keys.home"
)  # fmt: skip


@pytest.mark.parametrize("key", NAMED)
def test_whatever_has_a_name_can_be_taken_back(settings: Settings, key: str) -> None:
    section, _, name = key.rpartition(".")
    settings.write(settings.path, WHOLE)
    settings.over("50-gate.toml", f'[{section}]\n{name} = ""\n')

    config = settings.load()

    left = {one: getattr(config, one) for one in ("buttons", "lights", "doors", "codes", "directory", "hooks")}
    assert {f"{where}.{one}" for where, ones in (left | {"api.keys": config.api.keys}).items() for one in ones} == (
        set(NAMED) - {key}
    )


@pytest.mark.parametrize(
    ("over", "door"), [("[door]\npin = \"\"\n", RelaySettings(None, active_low=True)), ('door = ""\n', RelaySettings())]
)
def test_a_number_and_a_section_can_be_taken_back_too(settings: Settings, over: str, door: RelaySettings) -> None:
    settings.over("50-gate.toml", over)

    found = settings.load().door

    assert (found.pin, found.active_low) == (door.pin, door.active_low)


def test_what_was_taken_back_leaves_its_pin_to_others_and_may_come_again_from_the_beginning(settings: Settings) -> None:
    settings.over("10-site.toml", '[buttons]\naccept = ""\n[buttons.bell]\npin = 17\n')
    settings.over("20-site.toml", '[buttons]\naccept = ""\n')
    assert set(settings.load().buttons) == {"bell"}

    settings.over("50-gate.toml", "[buttons.accept]\npin = 22\n")
    assert settings.load().buttons["accept"].short == ""


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ('[buttons]\nacept = ""\n', 'buttons.acept: "" takes back what a file below says, and none has this; '
                                    'did you mean "accept"?'),
        ('[hooks]\nsiren = ""\n', 'hooks.siren: "" takes back what a file below says, and none has this; '
                                   "there is none of that kind"),
        ('[sound]\n[buttns]\naccept = ""\n', 'buttns: unknown key; did you mean "buttons"?'),
        ("[sound]\n[buttons.accept]\nenabled = false\n", "buttons.accept.enabled: unknown key; to take back what a "
                                                          'file below says, write  accept = ""  in [buttons]'),
    ],
)  # fmt: skip
def test_a_slip_in_what_is_taken_back_is_told(settings: Settings, over: str, told: str) -> None:
    own = settings.over("50-gate.toml", over)

    assert [line.partition(": ")[2] for line in settings.refused() if str(own) in line] == [told]


def test_check_says_what_was_taken_back_and_where(settings: Settings, capsys: Any) -> None:
    settings.over("50-gate.toml", '[token]\nurl = "https://x.example"\n[buttons]\naccept = ""\n[door]\npin = ""\n')

    assert cli.main(["check", "--where", str(settings.path)]) == 0

    told = capsys.readouterr().out
    own, below = f"{settings.folder}/50-gate.toml", settings.path
    assert f"{own}:4: buttons.accept is taken back, in the place of {below}:12\n" in told
    assert f"{own}:6: door.pin is taken back, in the place of {below}:17\n" in told
    assert "buttons.accept.pin" not in told


@pytest.mark.parametrize("own", ['[door]\npin = ""\n', 'door = ""\n', 'door = ""\n[page\n'])
def test_an_output_that_was_taken_back_is_not_driven(settings: Settings, own: str) -> None:
    """Its pin may be a button's now."""
    settings.write(settings.path, WHOLE)
    settings.over("50-gate.toml", own + '[lights]\nstatus = ""\n')

    found = outputs_of(settings.path)

    assert (found.doors, found.lights, found.problems) == ([RelaySettings(pin=19)], {}, [])


# --- who may read and write them ---


def test_where_the_agent_is_reached_is_told_whatever_else_the_settings_say(settings: Settings) -> None:
    """`ExecReload` does not see the service's credentials, and only the agent can say what is wrong."""
    key = '[token]\nkey_file = "/run/credentials/key"\n'
    settings.over("50-box.toml", f'[service]\ncontrol_socket = "/run/box.sock"\n{key}')
    assert any("token.key_file" in problem for problem in settings.refused())

    assert control_socket_of(settings.path) == "/run/box.sock"


@pytest.mark.parametrize("mode", [0o646, 0o602])
def test_one_that_every_user_may_change_is_refused(settings: Settings, mode: int) -> None:
    own = settings.over("50-gate.toml", OWN, mode)

    assert any(f"every user of this machine may change {own}, and so decide what is run; chmod o-w {own}" in line
               for line in settings.refused())  # fmt: skip


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_a_folder_into_which_every_user_may_put_settings_is_refused(settings: Settings, mode: int) -> None:
    settings.folder.chmod(mode)

    assert any(f"every user of this machine may put settings into {settings.folder}" in line
               for line in settings.refused())  # fmt: skip


def test_a_file_for_everybody_is_taken_beside_one_with_the_secrets(settings: Settings) -> None:
    settings.path.chmod(0o644)
    own = settings.over("50-gate.toml", '[page]\npassword = "correct horse"\n[token]\nurl = "https://x.example"\n')

    assert load_for_box(settings.path).page.password == "correct horse"

    own.chmod(0o644)
    assert settings.refused() == [
        f"{own}:2: page.password: every user of this machine may read this; chmod o-r {own}, "
        "or, if that is meant, give --trust-settings"
    ]


# --- where a value comes from ---


def test_check_says_where_each_value_stands_and_never_what_it_is(settings: Settings, capsys: Any) -> None:
    settings.write(settings.path, COMMON + '[page]\npassword = "correct horse"\n[token]\nurl = "https://x.example"\n')
    own = settings.over("50-gate.toml", OWN)

    assert cli.main(["check", "--where", str(settings.path)]) == 0

    told = capsys.readouterr().out
    assert f"{settings.path}:4: box.pins\n" in told
    assert f"{own}:2: box.identity, in the place of {settings.path}:3\n" in told
    assert f"{own}:4: buttons.accept.short, in the place of {settings.path}:14\n" in told
    assert told.endswith(f"{settings.path}: ok\n")
    assert "correct horse" not in told


def test_a_value_that_was_replaced_twice_names_both_the_upper_one_first(settings: Settings) -> None:
    for name in ("10-site", "50-gate"):
        settings.over(f"{name}.toml", OWN)

    identity = next(line for line in origins(settings.path) if ": box.identity" in line)

    assert identity == (f"{settings.folder}/50-gate.toml:2: box.identity, in the place of "
                        f"{settings.folder}/10-site.toml:2, in the place of {settings.path}:3")  # fmt: skip


# --- noticing and releasing ---


def test_a_box_notices_every_change_of_every_file(settings: Settings) -> None:
    file = SettingsFile(settings.path)
    seen = [file.stamps()]
    own = settings.over("50-gate.toml", OWN + '[token]\nfile = "token"\n')
    seen.append(file.stamps())
    (settings.path.parent / "token").touch()
    seen.append(file.stamps())
    os.utime(own, ns=(1, 1))
    seen.append(file.stamps())
    own.unlink()
    seen.append(file.stamps())

    assert len(set(seen[:4])) == 4
    assert seen[4] == seen[0]


@pytest.mark.parametrize("own", ["[door]\npin = 20\n", "[door]\npin = 20\n[page\n", "door.pin = 20\n"])
def test_the_door_that_counts_is_released_and_no_other_pin_is_driven(settings: Settings, own: str) -> None:
    settings.over("50-gate.toml", own)

    assert outputs_of(settings.path).doors == [RelaySettings(pin=20, active_low=True)]


def test_a_layer_that_cannot_be_read_does_not_hide_the_door(settings: Settings) -> None:
    (settings.folder / "50-gate.toml").symlink_to("nowhere")

    found = outputs_of(settings.path)

    assert found.doors == [RelaySettings(pin=26, active_low=True)]
    assert len(found.problems) == 1 and "50-gate.toml: cannot be read" in found.problems[0]
