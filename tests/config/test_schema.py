"""How a table becomes a frozen dataclass, and what is said when it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest

from agent.config.schema import Reader
from agent.config.toml_source import read_toml
from agent.errors import ConfigError


class Colour(Enum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True)
class Server:
    urls: tuple[str, ...]
    password: str = field(default="", metadata={"secret": True})


@dataclass(frozen=True)
class Lamp:
    pin: int = field(metadata={"kind": "pin", "min": 0, "max": 27, "help": "the GPIO number"})
    colour: Colour = Colour.RED
    rgb: tuple[int, int, int] | None = field(default=None, metadata={"kind": "pin", "min": 0, "max": 27})

    def __post_init__(self) -> None:
        if self.rgb and self.colour is Colour.GREEN:
            raise ValueError("rgb and colour exclude each other")


@dataclass(frozen=True)
class House:
    name: str = field(default="house", metadata={"max_length": 8})
    floors: int = field(default=1, metadata={"min": 1, "max": 9})
    height_m: float = field(default=3.0, metadata={"min": 0})
    heated: bool = True
    roof: str = field(default="flat", metadata={"choices": ("flat", "gable")})
    mode: Literal["day", "night"] = "day"
    codecs: tuple[str, ...] = field(default=("opus",), metadata={"choices": ("opus", "pcmu")})
    number: int | str = 1
    cert: str = field(default="", metadata={"kind": "file"})
    gate: str = field(default="", metadata={"kind": "host_port"})
    quiet: str = field(default="", metadata={"kind": "hhmm"})
    site: str = field(default="", metadata={"kind": "url"})
    token: str = field(default="", metadata={"kind": "token", "secret": True})
    lamps: Mapping[str, Lamp] = field(default_factory=dict)
    servers: tuple[Server, ...] = ()


class Builder:
    """Writes a file and reads it as a House."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "house.toml"

    def house(self, text: str) -> House:
        self.path.write_text(text)
        source = read_toml(self.path)
        reader = Reader(source)
        result: Any = reader.read(House, source.tables)
        reader.finish()
        assert isinstance(result, House)
        return result

    def problems(self, text: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            self.house(text)
        return [line.removeprefix(f"{self.path}:") for line in str(caught.value).splitlines()]


@pytest.fixture
def build(tmp_path: Path) -> Builder:
    return Builder(tmp_path)


def test_what_the_file_leaves_out_keeps_its_default(build: Builder) -> None:
    assert build.house("floors = 3") == House(floors=3)


def test_every_type_is_read(build: Builder) -> None:
    (build.path.parent / "ca.pem").write_text("")

    house = build.house(
        """
        name = "lodge"
        height_m = 4
        heated = false
        roof = "gable"
        mode = "night"
        codecs = ["pcmu", "opus"]
        number = "7a"
        cert = "ca.pem"
        gate = "gate.local:8443"
        quiet = "22:30"
        site = "https://example.org/tokens"
        token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"
        [lamps.door]
        pin = 17
        colour = "green"
        [lamps.hall]
        pin = 4
        rgb = [5, 6, 13]
        [[servers]]
        urls = ["stun:a"]
        [[servers]]
        urls = ["turn:b"]
        password = "pw"
        """
    )

    assert house == House(
        name="lodge",
        height_m=4.0,
        heated=False,
        roof="gable",
        mode="night",
        codecs=("pcmu", "opus"),
        number="7a",
        cert=str(build.path.parent / "ca.pem"),
        gate="gate.local:8443",
        quiet="22:30",
        site="https://example.org/tokens",
        token="eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        lamps={"door": Lamp(17, Colour.GREEN), "hall": Lamp(4, rgb=(5, 6, 13))},
        servers=(Server(("stun:a",)), Server(("turn:b",), "pw")),
    )


def test_a_secret_is_read_but_never_shown(build: Builder) -> None:
    house = build.house('[[servers]]\nurls = ["turn:b"]\npassword = "hunter2"')

    assert house.servers[0].password == "hunter2"
    assert "hunter2" not in repr(house)


AN_ADDRESS = 'an address that begins with "https://" or "http://", and names a host'


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("flors = 2", 'flors: unknown key; did you mean "floors"?'),
        ('floors = "2"', 'floors: "2": expected a whole number from 1 to 9'),
        ("floors = 2.0", "floors: 2.0: expected a whole number from 1 to 9"),
        ("floors = true", "floors: true: expected a whole number from 1 to 9"),
        ("floors = 10", "floors: 10: expected a whole number from 1 to 9"),
        ("height_m = -1", "height_m: -1: expected a number of at least 0"),
        ("height_m = nan", "height_m: nan: expected a number of at least 0"),
        ('heated = "yes"', 'heated: "yes": expected true or false'),
        ("heated = 1", "heated: 1: expected true or false"),
        ("name = 5", 'name: 5: expected a text in "quotation marks"'),
        ('name = "a long name"', 'name: "a long name": expected at most 8 characters'),
        ('roof = "gabel"', 'roof: "gabel": expected one of "flat", "gable"; did you mean "gable"?'),
        ('mode = "noon"', 'mode: "noon": expected one of "day", "night"'),
        ('codecs = "opus"', 'codecs: "opus": expected a list [...]'),
        ('codecs = ["g729"]', 'codecs: ["g729"]: expected a list, and in it one of "opus", "pcmu"'),
        ("number = 1.5", 'number: 1.5: expected a whole number or a text in "quotation marks"'),
        ('gate = "gate"', 'gate: "gate": expected an address "HOST:PORT", like "switchboard.local:8443"'),
        ('gate = "gate:99999"', 'gate: "gate:99999": expected an address "HOST:PORT", like "switchboard.local:8443"'),
        ('quiet = "24:00"', 'quiet: "24:00": expected a time of day "HH:MM", like "22:30"'),
        *((f'site = "{site}"', f'site: "{site}": expected {AN_ADDRESS}')
          for site in ("ftp://x", "//x", "http://", "http://a:70000/", "http://a:b/", "http://a:0/", "http://a..b/",
                       "http://[::1/", "http://a b/")),
        ('site = "http://a/ä"', 'site: "http://a/ä": expected only ASCII behind the host, all else percent-encoded'),
        ('gate = "a..b:1"', 'gate: "a..b:1": expected an address "HOST:PORT", like "switchboard.local:8443"'),
        ("lamps = 3", "lamps: 3: expected a table [lamps]"),
        ("servers = 3", "servers: 3: expected a list [...]"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_was_expected(build: Builder, line: str, problem: str) -> None:
    assert build.problems(line) == [f"1: {problem}"]


@pytest.mark.parametrize("token", ["abc", "a.b.c", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0", "e30.e30.x y", "MQ.MQ.MQ",
                                   f"{'W1tb' * 9000}.e30.c2ln"])
def test_a_malformed_token_is_refused_without_showing_it(build: Builder, token: str) -> None:
    (problem,) = build.problems(f'token = "{token}"')

    assert problem == (
        "1: token: this value: expected an access token (three parts of base64url text with dots between them)"
    )


def test_a_missing_file_is_refused_with_where_it_was_looked_for(build: Builder) -> None:
    (problem,) = build.problems('cert = "certs/ca.pem"')

    where = build.path.parent / "certs/ca.pem"
    assert problem == f'1: cert: "certs/ca.pem": expected a file that exists ({where} does not)'


def test_an_unknown_key_that_resembles_nothing_gets_the_list_of_those_that_exist(build: Builder) -> None:
    assert build.problems("[lamps.door]\npin = 17\nbzzz = 1") == [
        '3: lamps.door.bzzz: unknown key; expected one of "colour", "pin", "rgb"'
    ]


@pytest.mark.parametrize("name", ["x" * 65, " hall", "hall ", "\u202ehall", "a\u0085b"])
def test_a_section_is_called_by_what_everybody_can_say(build: Builder, name: str) -> None:
    """HTTP cuts what is long, MQTT strips what is around it, and nobody types what cannot be seen."""
    (problem,) = build.problems(f'[lamps."{name}"]\npin = 4')
    assert "expected a name of 1 to 64 characters that can be seen, and no blank at either end" in problem


def test_a_missing_key_is_named_at_its_table(build: Builder) -> None:
    assert build.problems('[lamps.door]\ncolour = "red"') == [
        '1: lamps.door: the key "pin" is missing; expected the GPIO number'
    ]


def test_a_pin_used_twice_names_both_users(build: Builder) -> None:
    assert build.problems("[lamps.door]\npin = 17\n[lamps.hall]\npin = 4\nrgb = [5, 6, 17]") == [
        "5: lamps.hall.rgb: GPIO 17 is used by lamps.door.pin already; expected a pin of its own"
    ]


def test_what_a_class_itself_refuses_is_reported_at_its_table(build: Builder) -> None:
    text = '[lamps.door]\npin = 17\ncolour = "green"\nrgb = [1, 2, 3]'

    assert build.problems(text) == ["1: lamps.door: rgb and colour exclude each other"]


def test_all_problems_are_reported_at_once_in_the_order_of_the_file(build: Builder) -> None:
    problems = build.problems(
        'floors = 0\nflors = 2\n[lamps.door]\npin = 99\ncolor = "red"\n[[servers]]\npassword = 3\n'
    )

    assert [problem.split(": ")[:2] for problem in problems] == [
        ["1", "floors"],
        ["2", "flors"],
        ["4", "lamps.door.pin"],
        ["5", "lamps.door.color"],
        ["6", "servers"],
        ["7", "servers.password"],
    ]
