from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest


def test_the_page_comes_with_its_style_and_script_and_nothing_from_elsewhere(browser: Any) -> None:
    page = browser.get("/")
    assert page.status_code == 200
    assert page["content-type"].startswith("text/html")
    text = bytes(page.read()).decode()
    assert "panel.css" in text and "panel.js" in text
    assert "http" not in text
    assert browser.get("/panel.js")["content-type"].startswith("text/javascript")
    assert browser.get("/panel.css").status_code == 200


def test_the_page_is_small() -> None:
    """A slow board serves it, to a phone far from the next mast."""
    files = resources.files("agent.page").joinpath("static").iterdir()
    assert sum(len(file.read_bytes()) for file in files) <= 60_000


def test_the_browser_is_told_to_trust_only_this_page(browser: Any) -> None:
    policy = browser.get("/")["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_the_status_is_json(browser: Any) -> None:
    assert json.loads(browser.get("/status").read())["identity"] == "lobby"


def test_a_press_reaches_the_box(browser: Any, box: Any) -> None:
    assert browser.post("/press/green?hold=1.5").status_code == 204
    assert browser.post("/press/green").status_code == 204
    assert box.done == [("press", "green", 1.5), ("press", "green", 0.1)]


def test_a_button_may_have_any_name(browser: Any, box: Any) -> None:
    assert browser.post("/press/gr%C3%BCn?hold=0").status_code == 204
    assert box.done == [("press", "grün", 0.0)]


def test_a_button_that_does_not_exist_is_named(browser: Any) -> None:
    answer = browser.post("/press/gren")
    assert answer.status_code == 404
    assert json.loads(answer.read()) == {"error": "there is no button 'gren'"}


@pytest.mark.parametrize("hold", ["-1", "31", "long", "nan", "inf"])
def test_a_hold_that_makes_no_sense_is_refused(browser: Any, box: Any, hold: str) -> None:
    assert browser.post(f"/press/green?hold={hold}").status_code == 400
    assert box.done == []


def test_a_page_opens_the_door_and_changes_the_volume(browser: Any, box: Any) -> None:
    assert browser.post("/door").status_code == 204
    assert browser.post("/volume?percent=35").status_code == 204
    assert box.done == [("door",), ("volume", 35)]


def test_what_the_box_cannot_do_is_said(browser: Any, box: Any) -> None:
    box.jammed = True
    answer = browser.post("/door")
    assert answer.status_code == 409
    assert json.loads(answer.read())["error"] == "the relay is gone: check its cable"


def test_what_is_not_there_is_not_found(browser: Any) -> None:
    assert browser.get("/../server.py").status_code == 404
    assert browser.get("/press/green").status_code == 404
    assert browser.post("/status").status_code == 404
    assert browser._ask("DELETE", "/door", {}).status_code == 405
