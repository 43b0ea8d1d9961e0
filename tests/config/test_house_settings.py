"""`[mqtt]`, `[hooks]` and `[metrics]`: what cannot work is told, with the key and what to change."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from agent.config import Config, doubts, load, load_for_box
from agent.errors import ConfigError

BOX = '[box]\npins = "mock"\n[token]\nvalue = "e30.e30.x"\n[page]\nenabled = false\n'


def said(tmp_path: Path, text: str) -> str:
    """What is wrong with these settings for a box on this machine."""
    path = tmp_path / "config.toml"
    path.write_text(BOX + text)
    path.chmod(0o600)
    try:
        load_for_box(path)
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("text", "key", "why"), [
    ('[mqtt]\nuser = "gate"', "mqtt", "expected host"),
    ('[mqtt]\nhost = "broker:1883"', "mqtt.host", "a name or address alone"),
    ('[mqtt]\nhost = "b"\nport = 70000', "mqtt.port", "from 0 to 65535"),
    ('[mqtt]\nhost = "b"\ntopic_prefix = "a/#"', "mqtt", "without + and #"),
    ('[mqtt]\nhost = "b"\ntopic_prefix = ""', "mqtt", "without + and #"),
    ('[mqtt]\nhost = "b"\ndiscovery_prefix = "/x"', "mqtt", "without + and #"),
    ('[mqtt]\nhost = "b"\nversion = "4"', "mqtt.version", '"3.1.1"'),
    ('[mqtt]\nhost = "b"\npassword = "x"', "mqtt", "expected user"),
    ('[mqtt]\nhost = "b"\nuser = "u"\npassword = "x"\npassword_file = "config.toml"', "mqtt", "not both"),
    ('[mqtt]\nhost = "b"\nuser = "u"\npassword_file = "nowhere"', "mqtt.password_file", "a file that exists"),
    ('[mqtt]\nhost = "b"\nmay_open_doors = true', "mqtt.may_open_doors", "may_open_door"),
    ('[hooks.bell]\non = ["rung"]\ncommand = ["true"]', "hooks.bell", "did you mean 'ring'"),
    ('[hooks.bell]\non = ["ring"]', "hooks.bell", "either command or url"),
    ('[hooks.bell]\non = ["ring"]\ncommand = ["true"]\nurl = "https://x"', "hooks.bell", "not both"),
    ('[hooks.bell]\non = ["ring"]\ncommand = ["/nowhere/at-all"]', "hooks.bell.command", "no such program"),
    ('[hooks.bell]\non = ["ring"]\nurl = "ftp://x"', "hooks.bell.url", "https://"),
    ('[hooks.bell]\non = ["ring"]\ncommand = ["true"]\ntimeout_s = 0', "hooks.bell.timeout_s", "0.1 to 300"),
    ('[hooks]\non = ["ring"]', "hooks.on", "expected a table"),
    ('[metrics]\nlisten = "9469"', "metrics.listen", "HOST:PORT"),
])  # fmt: skip
def test_what_cannot_work_is_told(tmp_path: Path, text: str, key: str, why: str) -> None:
    problem = said(tmp_path, text)

    assert f" {key}: " in problem and why in problem


def test_settings_that_work_are_taken(tmp_path: Path) -> None:
    hook = '[hooks.a]\non = ["*"]\ncommand = ["true"]\n'

    assert not said(tmp_path, f'[mqtt]\nhost = "b"\n{hook}[metrics]\nlisten = "127.0.0.1:0"')


@pytest.mark.parametrize(("module", "text", "package"), [
    ("paho", '[mqtt]\nhost = "b"', "paho-mqtt; install kiosk-agent[mqtt]"),
    ("prometheus_client", '[metrics]\nlisten = "127.0.0.1:0"', "prometheus-client; install kiosk-agent[metrics]"),
])  # fmt: skip
def test_a_package_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, text: str, package: str
) -> None:
    place = "agent.config.house_foresight.find_spec"
    monkeypatch.setattr(place, lambda name: None if name == module else find_spec(name))

    assert package in said(tmp_path, text)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "[::]"])
def test_the_page_and_the_figures_cannot_have_one_address(tmp_path: Path, host: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[metrics]\nlisten = "{host}:8080"')

    with pytest.raises(ConfigError, match=r"metrics\.listen: the page listens there"):
        load(path)


def test_an_empty_password_file_and_one_that_everybody_may_read_are_told(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("\n")
    text = f'[mqtt]\nhost = "b"\nuser = "u"\npassword_file = "{secret}"'

    secret.chmod(0o644)
    problem = said(tmp_path, text)

    assert "holds nothing" in problem and "chmod o-rw" in problem


def test_a_password_in_the_clear_is_a_doubt_and_no_secret_is_ever_shown(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[mqtt]\nhost = "b"\nuser = "u"\npassword = "geheim"\n'
                    '[hooks.a]\non = ["ring"]\nurl = "https://x/geheim"\nheaders = ["A: geheim"]\n')  # fmt: skip
    config: Config = load(path)

    assert any("mqtt.tls" in doubt for doubt in doubts(path, config))
    assert not any("geheim" in doubt for doubt in doubts(path, config))
    path.write_text('[hooks.a]\non = ["ring"]\nurl = "ftp://geheim"\nheaders = ["geheim"]\n')
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert "geheim" not in str(caught.value)
