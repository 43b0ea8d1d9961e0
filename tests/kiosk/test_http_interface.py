"""A real box asked by HTTP, with a key as the command makes it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from geventhttpclient import HTTPClient

from agent.cli import main
from agent.config import Config, load
from agent.page.api_keys import ApiSettings
from tests.kiosk.stage import Box, Phone, Site


def make_key(capsys: pytest.CaptureFixture[str], folder: Path, permissions: str) -> tuple[str, ApiSettings]:
    """A key, and the settings that the lines for config.toml make."""
    assert main(["key", "home", "--permissions", permissions]) == 0
    text = capsys.readouterr().out
    (folder / "key.toml").write_text(text)
    return text.partition("again: ")[2].split()[0], load(folder / "key.toml").api


def ask(box: Box, key: str, method: str, name: str, **fields: Any) -> Any:
    assert box.kiosk.page.served.wait(10)
    port = int(box.kiosk.page.url.rstrip("/").rpartition(":")[2])
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps(fields).encode() if method == "POST" else b""
    return HTTPClient("127.0.0.1", port).request(method, f"/api/v1/{name}", headers=headers, body=body)


def with_key(site: Site, api: ApiSettings) -> Config:
    config = site.config()
    return replace(config, api=api, page=replace(config.page, enabled=True, listen="127.0.0.1:0"))


def test_a_program_answers_and_ends_a_call_and_opens_the_door(
    site: Site, visitor: Phone, capsys: pytest.CaptureFixture[str]
) -> None:
    key, api = make_key(capsys, site.folder, "look,talk,open")
    box = site.box(with_key(site, api))
    box.until_shows("ready")
    assert ask(box, key, "POST", "answer").status_code == 409
    visitor.dial()
    box.until_shows("ringing")
    assert ask(box, key, "POST", "answer").status_code == 204
    box.until_shows("in_call")
    assert ask(box, key, "POST", "door").status_code == 204
    box.until_told("door open")
    assert ask(box, key, "POST", "hang-up").status_code == 204
    box.until_calm()
    assert ask(box, key, "POST", "do-not-disturb", on=True).status_code == 204
    assert ask(box, key, "POST", "do-not-disturb", on=True).status_code == 204
    status = json.loads(ask(box, key, "GET", "status").read())
    assert "do_not_disturb" in status["states"]
    assert status["recent_calls"][0]["outcome"]


def test_a_key_without_the_permission_opens_no_door_by_its_button_neither(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    key, api = make_key(capsys, site.folder, "look,talk")
    box = site.box(with_key(site, api))
    assert ask(box, key, "POST", "door").status_code == 403
    assert ask(box, key, "POST", "press", button="door").status_code == 403
    assert "door open" not in box.story


def test_a_door_that_is_not_for_keys_opens_for_none_and_a_button_is_no_way_around(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    key, api = make_key(capsys, site.folder, "look,talk,open")
    config = with_key(site, api)
    box = site.box(replace(config, door=replace(config.door, opened_by=("button",))))
    assert json.loads(ask(box, key, "GET", "status").read())["may_open"] == []
    assert ask(box, key, "POST", "door").status_code == 409
    assert ask(box, key, "POST", "press", button="door").status_code == 409
    assert "door open" not in box.story
    box.press("door")
    box.until_told("door open")


@pytest.mark.parametrize("words", [["", "look"], ["a b", "look"], ["a]", "look"], ["home", "lock"], ["home", ""]])
def test_a_key_that_cannot_be_made_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", words[0], "--permissions", words[1]]) == 2
    assert not capsys.readouterr().out
