"""What would be taken and then have no effect is an error that says what to change, or it works."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import load
from agent.errors import ConfigError
from hw.panel.header import HEADER_GPIOS, POSITIONS, explain_pin
from hw.panel.settings import DEFAULT_PATTERNS, ButtonSettings, LightSettings

SHIPPED = Path(__file__).parents[2] / "config.toml"
HASH = "sha256:" + "0" * 64


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [line.removeprefix(f"{path}:") for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ('[sound]\nquiet_from = "22:00"', "sound", "quiet_to is missing"),
        ('[sound]\nquiet_to = "07:00"', "sound", "quiet_from is missing"),
        ('[sound]\nquiet_from = "07:00"\nquiet_to = "07:00"', "sound", "no time lies between them"),
        ("[sound]\nquiet_volume_percent = 10", "sound", "needs quiet hours"),
        ('[sound]\nvolume_control = "software"\nmixer = "PCM"', "sound", "names a control of the card"),
        ("[sound]\nplayout_min_ms = 150", "sound", "must not be greater than playout_max_ms"),
        ('[answering]\nauto_answer = ["reception"]', "answering.auto_answer", 'did you mean "client:reception"?'),
        ('[answering]\nauto_answer = ["Client: bob"]', "answering.auto_answer", 'did you mean "client:bob"?'),
        ('[answering]\nauto_answer = ["*", "client:"]', "answering.auto_answer", "callers like"),
        ('[answering]\nauto_answer = ["+49 30 1"]', "answering.auto_answer", "callers like"),
        ('[answering]\nauto_answer = [""]', "answering.auto_answer", "callers like"),
        ('[answering]\nauto_answer = ["*"]\nmax_ring_s = 1', "answering", "auto_answer answers nothing"),
        ('[page]\nhosts = ["http://door.example.org"]', "page.hosts", "HOST:PORT"),
        ('[page]\nhosts = ["door example"]', "page.hosts", "HOST:PORT"),
        ('[page]\nenabled = false\n[api.keys.a]\nkey_hash = "' + HASH + '"', "page.enabled", "[api.keys]"),
        ('[api.keys.a]\nkey_hash = "x"', "api.keys.a", "kiosk-agent key NAME"),
        ('[api.keys.a]\nkey_hash = "' + HASH + '"\npermissions = ["lock"]', "api.keys.a", "look, talk, open"),
        ('[api.keys]\na.key_hash = "' + HASH + '"\nb.key_hash = "' + HASH + '"', "api", "the same key"),
        ('[token]\nurl = "https://x.example/a b"', "token.url", "begins with"),
        ('[buttons.a]\npin = 5\nshort = "call:bob,carol"', "buttons.a.short", "one name or number"),
        ('[buttons.a]\npin = 5\nlong = "call:+49 30 12"', "buttons.a.long", "without blanks and commas"),
        ('[buttons.a]\npin = 5\nlong = "call:client:"', "buttons.a.long", "whom to call"),
        ('[buttons.a]\npin = 5\nshort = "call reception"', "buttons.a.short", "did you mean 'call:reception'?"),
        ('[buttons.a]\npin = 5\npull = "down"', "buttons.a", 'expected pull = "up", or the other active_low'),
        ("[buttons.a]\npin = 5\nactive_low = false", "buttons.a", 'expected pull = "down", or the other active_low'),
        ('[buttons.a]\npin = 5\npress = "accept"\nshort = "mute"', "buttons.a", "press and short"),
        ('[buttons.a]\npin = 5\npress = "mute"\ndouble = "mute"', "buttons.a", "press and double"),
        ('[buttons.a]\npin = 5\nrelease = "accept"\nshort = "mute"', "buttons.a", "release and short"),
        ('[buttons.a]\npin = 5\nheld = "mute"\nheld_ms = 20000\nstuck_s = 10', "buttons.a", "less than stuck_s"),
        ('[lights.a]\npin = 5\nready = "red steady"', "lights.a", "one pin has one colour"),
        ('[lights.a]\npin = 5\nringing = "#ff8000 pulse"', "lights.a", "one pin has one colour"),
        ('[box]\nidentity = "echo"', "box.identity", "the switchboard itself answers to this name"),
        ('[box]\nidentity = "noanswer"', "box.identity", "the switchboard itself answers to this name"),
        ('[box]\nidentity = "client:kiosk"', "box.identity", 'the name alone, without "client:": "kiosk"'),
        ('[box]\nidentity = ""', "box.identity", "a text that is not empty"),
        ('[box]\nidentity = " "', "box.identity", "without blanks around it"),
        ('[box]\nidentity = "a\\u001bb"', "box.identity", "characters that can be seen"),
        ('[box]\npins = "mock"\nchip = "pinctrl-rp1"', "box.chip", "virtual pins need no chip"),
        ('[signaling]\nserver = "a:1"\nedge = "dublin"', "signaling.edge", "edge or server, not both"),
        ('[signaling]\nedge = "dub lin"', "signaling.edge", "the name of an edge"),
        ('[signaling]\nedge = ", ,"', "signaling.edge", "the name of an edge"),
        ('[signaling]\ninsights_host = "https://x"', "signaling.insights_host", "HOST:PORT"),
        ('[token]\nvalue = "e30.e30.x"\nurl_header = "A: b"', "token.url_header", "belongs to token.url"),
        ('[token]\nvalue = "e30.e30.x"\napplication_sid = "AP1"', "token.application_sid", "tokens that are made here"),
        ('[token]\ncommand = [""]', "token.command", "a program and its arguments"),
    ],
)
def test_what_would_have_no_effect_is_refused_with_what_was_meant(
    tmp_path: Path, text: str, key: str, remedy: str
) -> None:
    (problem,) = problems(tmp_path, text)

    assert problem.split(": ")[1] == key
    assert remedy in problem


@pytest.mark.parametrize(
    "text",
    [
        '[sound]\nquiet_from = "22:00"\nquiet_to = "07:00"\nquiet_volume_percent = 20',
        '[answering]\nauto_answer = ["client:reception", "+4930*", "*", "sip:*@example.org", "client:*", "0301"]',
        '[buttons.a]\npin = 5\nshort = "call:client:bob"\nlong = "call:+4930123?room=a b"\nheld = "call:a%2Cb"',
        '[buttons.a]\npin = 5\npull = "down"\nactive_low = false',
        '[buttons.a]\npin = 5\npull = "none"\nactive_low = false',
        '[buttons.a]\npin = 5\npress = "push_to_talk"\nheld = "hang_up"',
        '[buttons.a]\npin = 5\npress = "accept"\nrelease = "hang_up"',
        '[answering]\nauto_answer = ["*"]\nauto_answer_delay_ms = 900\nmax_ring_s = 1',
        '[answering]\nauto_answer = ["*"]\nauto_answer_delay_ms = 9000\nmax_ring_s = 0',
        '[page]\nhosts = ["door.example.org", "10.0.0.7"]',
        '[lights.a]\nred = 5\ngreen = 6\nblue = 13\nready = "red steady"',
        '[lights.a]\npin = 5\nready = "30% steady"',
        '[signaling]\nedge = "dublin, frankfurt"\ninsights_host = "10.0.0.1:8443"',
    ],
)
def test_what_has_an_effect_is_taken(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_text(text)

    load(tmp_path / "config.toml")


def test_a_light_that_names_no_pattern_shows_what_the_shipped_file_says_is_usual(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[lights.only]\npin = 5\n[lights.call]\npin = 6\nringing = 'steady'\n")

    lights = load(tmp_path / "config.toml").lights

    assert lights["only"].patterns() == load(SHIPPED).lights["status"].patterns()
    assert set(lights["only"].patterns()) == set(DEFAULT_PATTERNS)
    assert list(lights["call"].patterns()) == ["ringing"]


def test_a_button_that_names_no_action_does_what_the_shipped_file_says_is_usual(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[buttons.only]\npin = 5\n")

    assert load(tmp_path / "config.toml").buttons["only"].bindings() == load(SHIPPED).buttons["accept"].bindings()


def test_every_key_of_lights_and_buttons_that_is_left_out_is_as_in_the_shipped_file() -> None:
    shipped = load(SHIPPED)

    assert ButtonSettings(pin=17).timing() == shipped.buttons["accept"].timing()
    assert ButtonSettings(pin=17).bindings() == shipped.buttons["accept"].bindings()
    assert LightSettings(pin=24).patterns() == shipped.lights["status"].patterns()


# --- pins ---


@pytest.mark.parametrize(
    ("section", "number", "words"),
    [
        ("[buttons.a]\npin", 40, "GPIO 40: that is a header position; header 40 is GPIO 21"),
        ("[lights.a]\npin", 36, "GPIO 36: that is a header position; header 36 is GPIO 16"),
        ("[door]\npin", 28, "GPIO 28: that is a header position; header 28 is GPIO 1"),
        ("[buttons.a]\npin", 39, "GPIO 39: that is a header position; header 39 is no GPIO but ground"),
        ("[buttons.a]\npin", 45, "GPIO 45 is not on the header, which has GPIO 0 to 27"),
    ],
)
def test_a_position_of_the_header_in_the_place_of_a_gpio_is_named(
    tmp_path: Path, section: str, number: int, words: str
) -> None:
    (problem,) = problems(tmp_path, f"{section} = {number}\n")

    assert words in problem


def test_a_board_with_another_chip_has_other_pins(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[box]\nchip = "gpio-mockup-A"\n[buttons.a]\npin = 40\n')

    assert load(tmp_path / "config.toml").buttons["a"].pin == 40


def test_the_header_has_forty_positions_and_each_gpio_once() -> None:
    gpios = [what for what in POSITIONS.values() if isinstance(what, int)]

    assert sorted(POSITIONS) == list(range(1, 41))
    assert sorted(gpios) == sorted(HEADER_GPIOS) == list(range(28))
    assert (POSITIONS[11], POSITIONS[13], POSITIONS[15], POSITIONS[37], POSITIONS[22]) == (17, 27, 22, 26, 25)
    assert "2.0" not in explain_pin(40)
