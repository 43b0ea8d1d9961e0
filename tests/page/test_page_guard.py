from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from typing import Any

import pytest

from agent.page.guard import Guard, Refusal
from agent.page.settings import PageSettings

PASSWORD = "correct horse"


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


def test_a_name_that_was_made_to_point_here_is_refused(browser: Any, box: Any) -> None:
    assert browser.get("/status", Host="attacker.example").status_code == 421
    assert browser.post("/door", Host=f"attacker.example:{browser.host[-5:]}").status_code == 421
    assert box.done == []


@pytest.mark.parametrize(
    "host", ["localhost:8080", "192.168.1.20", "[::1]:8080", "box.lan", "LOCALHOST.", "{own}.local"]
)
def test_the_box_answers_to_its_addresses_and_its_names(host: str) -> None:
    own = socket.gethostname().removesuffix(".local")
    Guard(PageSettings(hosts=("box.lan",))).check("GET", "/", {"Host": host.format(own=own)})


@pytest.mark.parametrize("host", ["", ":", "[", "box.lan.attacker.example", "1.2.3.4.attacker.example"])
def test_other_names_are_refused(host: str) -> None:
    with pytest.raises(Refusal, match="not called"):
        Guard(PageSettings(hosts=("box.lan",))).check("GET", "/", {"Host": host})


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Kiosk_Panel": "1", "Origin": "https://attacker.example"},
        {"X_Kiosk_Panel": "1", "Origin": "null"},
        {"X_Kiosk_Panel": "1", "Sec_Fetch_Site": "cross-site"},
    ],
    ids=["another origin", "no origin", "another site"],
)
def test_another_site_cannot_open_the_door(browser: Any, box: Any, headers: dict[str, str]) -> None:
    assert browser.post("/door", **headers).status_code == 403
    assert box.done == []


def test_a_plain_form_cannot_open_the_door(browser: Any, box: Any) -> None:
    assert browser._ask("POST", "/door", {}).status_code == 403
    assert box.done == []


def test_the_page_itself_can(browser: Any, box: Any) -> None:
    headers = {"Origin": f"http://{browser.host}", "Sec_Fetch_Site": "same-origin"}
    assert browser.post("/door", **headers).status_code == 204


def test_with_a_password_nothing_is_shown_without_it(serve: Callable[..., Any], box: Any) -> None:
    browser = serve(password=PASSWORD)
    for path in ("/", "/status", "/events"):
        answer = browser.get(path)
        assert answer.status_code == 401
        assert answer["www-authenticate"].startswith("Basic")
    assert browser.post("/door").status_code == 401
    assert box.done == []


def test_with_the_password_all_is_shown(serve: Callable[..., Any]) -> None:
    assert serve(password=PASSWORD).get("/status", Authorization=basic(PASSWORD)).status_code == 200


def test_a_wrong_password_is_refused_and_not_logged(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agent.page.guesses.WRONG_PASSWORD_S", 0.0)
    assert serve(password=PASSWORD).get("/status", Authorization=basic("wrong one")).status_code == 401
    assert "wrong password" in caplog.text
    assert "wrong one" not in caplog.text


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", basic(PASSWORD).replace("Basic", "Bearer"), "Basic YQ=="])
def test_a_malformed_authorization_is_not_the_password(header: str) -> None:
    assert not Guard(PageSettings(password=PASSWORD)).knows({"Authorization": header})
