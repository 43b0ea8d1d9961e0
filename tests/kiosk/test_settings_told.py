"""The settings as the page tells them: every one of them, and no secret in any answer."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from geventhttpclient import HTTPClient

from agent.config import Config, load
from agent.config.value_types import item_type, mapping_type, without_none
from agent.kiosk.kiosk import Kiosk
from agent.page.api import EVENTS, ROUTES
from agent.page.server import Page
from agent.page.settings import PageSettings
from hw.panel.code_book import hash_code

MARK = "hunter2hunter2hunter2"
DIGITS = "90817264"
JWT = f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{MARK}"
KEY_HASH = "sha256:" + "5ec4e7" * 10 + "5ec4"
CODE_HASH = str(hash_code("4711"))
SECRETS = (MARK, DIGITS, KEY_HASH.partition(":")[2], CODE_HASH)

# What may stand in one file; of what excludes each other, each file has one.
COMMON = f"""
[box]
identity = "gate"
pins = "mock"
[sound]
driver = "none"
[media]
ice_servers = [{{urls = ["turn:turn.example.org:3478?{MARK}"], username = "gate", credential = "{MARK}"}}]
[door]
pin = 26
code = "{DIGITS}"
[codes.post]
hash = "{CODE_HASH}"
[page]
listen = "127.0.0.1:0"
password = "{MARK}"
[api.keys.home]
key_hash = "{KEY_HASH}"
[mqtt]
host = "broker.local"
user = "gate"
password = "{MARK}"
[hooks.first]
on = ["ring"]
command = ["/bin/true", "{MARK}"]
[hooks.second]
on = ["ring"]
url = "https://example.org/{MARK}"
headers = ["Authorization: Bearer {MARK}"]
"""
TOKEN = '[signaling]\nserver = "127.0.0.1:9"\n[token]\n'
SIP = '[signaling]\nprotocol = "sip"\n[sip]\nedges = ["wss://pbx.example.org/ws"]\ndomain = "example.org"\n'
ADMISSIONS = {
    "token": f'{TOKEN}value = "{JWT}"',
    "address": f'{TOKEN}url = "https://example.org/?key={MARK}"\nurl_header = "Authorization: Bearer {MARK}"',
    "command": f'{TOKEN}command = ["/bin/echo", "{MARK}"]',
    "api key": f'{TOKEN}account_sid = "AC1"\napi_key_sid = "SK1"\napi_key_secret = "{MARK}"',
    "sip": f'{SIP}secret = "{MARK}"',
    "sip command": f'{SIP}secret_command = ["/bin/echo", "{MARK}"]',
}


def settings(tmp_path: Path, admission: str) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(COMMON + ADMISSIONS[admission])
    return load(path)


def fields(cls: Any, where: str = "") -> Iterator[tuple[str, dataclasses.Field[Any]]]:
    """Every key that a file may have; NAME stands for any."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        hint, key = without_none(hints[field.name]), f"{where}.{field.name}".lstrip(".")
        inner = mapping_type(hint) or item_type(hint)
        if dataclasses.is_dataclass(hint):
            yield from fields(hint, key)
        elif dataclasses.is_dataclass(inner):
            yield from fields(inner, f"{key}.NAME")
        elif field.init:
            yield key, field


FIELDS = dict(fields(Config))
SECRET_KEYS = {key for key, field in FIELDS.items() if field.metadata.get("secret")}
NAMED = {"hooks", "codes", "doors", "buttons", "lights", "directory"}


def general(key: str) -> str:
    """A key with NAME in the place of what somebody chose."""
    section, *rest = key.split(".")
    if section in NAMED:
        rest[0] = "NAME"
    elif rest[0] in ("keys", "ice_servers") and len(rest) > 1:
        rest[1] = "NAME"
    return ".".join([section, *rest])


@pytest.mark.parametrize("admission", ADMISSIONS)
def test_no_answer_of_the_page_has_a_secret_in_it(tmp_path: Path, admission: str) -> None:
    kiosk = Kiosk(settings(tmp_path, admission))
    with Page(PageSettings(listen="127.0.0.1:0"), kiosk.box) as page:
        page.start()
        client = HTTPClient("127.0.0.1", page.reachable_at[1])
        for route in ROUTES:
            if route.method == "GET" and route.path != EVENTS:
                text = bytes(client.get(route.path).read()).decode()
                assert not [secret for secret in SECRETS if secret in text], route.path
    kiosk.stop()


def test_every_setting_is_told_and_the_secret_ones_only_that_they_are_set(tmp_path: Path) -> None:
    hidden: set[str] = set()
    for admission in ADMISSIONS:
        kiosk = Kiosk(settings(tmp_path, admission))
        told = kiosk.box.settings()
        kiosk.stop()
        json.dumps(told)
        hidden |= {general(one["key"]) for one in told if one["is_hidden"]}
        assert {general(one["key"]) for one in told} <= FIELDS.keys()
        assert all(one["value"] is None for one in told if one["is_hidden"])
        values = {one["key"]: one["value"] for one in told}
        assert (values["box.identity"], values["sound.volume_percent"]) == ("gate", 80)
        assert values["hooks.first.on"] == ["ring"]
        assert {key.split(".")[0] for key in values} >= {key.split(".")[0] for key in FIELDS} - NAMED
    assert hidden == SECRET_KEYS, "each secret must stand in one of the files of this test"


def test_what_sounds_like_a_secret_is_declared_as_one() -> None:
    sounds = re.compile(r"(^|_)(password|secret|credential|hash|code|token|headers?)$|^key_hash$")
    plain = {key for key in FIELDS if sounds.search(key.rpartition(".")[2]) and key not in SECRET_KEYS}
    assert plain == {"sip.headers"}  # what goes with each call to whoever is called


def test_a_text_that_looks_like_a_secret_is_hidden_wherever_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'{COMMON}{ADMISSIONS["sip"]}\nheaders = ["X-Token: {JWT}"]\n')
    kiosk = Kiosk(load(path))
    told = {one["key"]: one for one in kiosk.box.settings()}
    kiosk.stop()
    assert told["sip.headers"]["is_hidden"] and told["sip.headers"]["value"] is None


def test_what_is_as_it_comes_is_told_as_that(tmp_path: Path) -> None:
    kiosk = Kiosk(settings(tmp_path, "token"))
    told = {one["key"]: one["is_default"] for one in kiosk.box.settings()}
    kiosk.stop()
    assert told["sound.volume_percent"] and not told["box.identity"]
