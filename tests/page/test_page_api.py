"""The HTTP interface: what each key may ask for, and how what is wrong is answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from agent.page.api import ROUTES, ApiRoute
from agent.page.api_keys import PERMISSIONS, ApiKeySettings, ApiSettings, hash_of, new_key
from agent.page.connection import MAX_BODY_BYTES
from agent.page.guesses import Guesses
from hw.errors import SettingError

PASSWORD = "correct horse"
GOOD: dict[str, tuple[dict[str, Any], tuple[Any, ...]]] = {
    "call": ({"to": "reception"}, ("call", "reception")),
    "answer": ({}, ("answer",)),
    "hang-up": ({}, ("hang up",)),
    "press": ({"button": "green", "hold_s": 1.5}, ("press", "green", 1.5)),
    "door": ({}, ("door",)),
    "volume": ({"percent": 35}, ("volume", 35)),
    "do-not-disturb": ({"on": True}, ("do not disturb", True)),
    "play-tone": ({}, ("play tone",)),
    "run-doctor": ({}, ("run doctor",)),
}
POSTS = [route for route in ROUTES if route.do is not None]
Keys = tuple[ApiSettings, dict[str, str]]


def name(route: ApiRoute) -> str:
    return route.path.rpartition("/")[2]


def error(answer: Any) -> str:
    return str(json.loads(answer.read())["error"])


@pytest.fixture
def guarded(serve: Callable[..., Any], keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A page with a password and keys, at which wrong ones cost no time."""
    monkeypatch.setattr("agent.page.guesses.WRONG_PASSWORD_S", 0.0)
    return serve(password=PASSWORD, api=keys[0])


@pytest.mark.parametrize("route", POSTS, ids=name)
def test_what_is_asked_for_reaches_the_box(browser: Any, box: Any, route: ApiRoute) -> None:
    box.ringing = True
    given, done = GOOD[name(route)]
    assert browser.send(name(route), given).status_code == 204
    assert box.done == [done]


@pytest.mark.parametrize("route", ROUTES, ids=name)
@pytest.mark.parametrize("permission", PERMISSIONS)
def test_a_key_allows_what_it_says_and_nothing_else(
    guarded: Any, box: Any, keys: Keys, route: ApiRoute, permission: str
) -> None:
    box.ringing = True
    bearer = keys[1][permission]
    if route.do is None:
        answer = guarded.get(route.path, Authorization=bearer)
    else:
        answer = guarded.send(name(route), GOOD[name(route)][0], Authorization=bearer)
    allowed = route.permission in ("", permission)
    assert answer.status_code == ((200 if route.do is None else 204) if allowed else 403)
    assert bool(box.done) == (allowed and route.do is not None)
    if not allowed:
        assert route.permission in error(answer)


@pytest.mark.parametrize("ask", ["settings", "sound", "doctor", "play-tone", "run-doctor"])
def test_a_program_of_the_house_does_not_look_after_the_box(guarded: Any, box: Any, keys: Keys, ask: str) -> None:
    for permission in ("look", "talk", "open"):
        for answer in (guarded.get(f"/api/v1/{ask}", Authorization=keys[1][permission]),
                       guarded.send(ask, {}, Authorization=keys[1][permission])):  # fmt: skip
            assert answer.status_code in (403, 405)
    assert box.done == []


def test_a_key_needs_nothing_that_only_the_page_sends(guarded: Any, box: Any, keys: Keys) -> None:
    headers = {"Authorization": keys[1]["all"], "Content-Type": "application/json", "Host": "box.example"}
    assert guarded._ask("POST", "/api/v1/volume", headers, b'{"percent": 1}').status_code == 204


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://attacker.example"}, {"Sec_Fetch_Site": "cross-site"}, {"Host": "attacker.example"}],
    ids=["another origin", "another site", "another name"],
)
def test_another_site_cannot_use_the_password_that_a_browser_knows(
    guarded: Any, box: Any, keys: Keys, headers: dict[str, str]
) -> None:
    for password in (PASSWORD, keys[1]["all"].partition(" ")[2]):
        answer = guarded.send("door", {}, Authorization=guarded.basic(password), **headers)
        assert answer.status_code in (403, 421)
    assert box.done == []


def test_a_plain_form_cannot_use_it(guarded: Any, box: Any) -> None:
    assert guarded._ask("POST", "/api/v1/door", {"Authorization": guarded.basic(PASSWORD)}).status_code == 403
    assert box.done == []


def test_a_key_in_the_place_of_the_password_opens_the_page_as_far_as_it_allows(guarded: Any, keys: Keys) -> None:
    basic = guarded.basic(keys[1]["look"].partition(" ")[2])
    assert guarded.get("/", Authorization=basic).status_code == 200
    status = json.loads(guarded.get("/api/v1/status", Authorization=basic).read())
    assert status["permissions"] == ["look"]
    assert guarded.send("door", {}, Authorization=basic).status_code == 403


def test_who_opened_the_door_is_told_to_the_box(guarded: Any, box: Any, keys: Keys) -> None:
    guarded.send("door", {}, Authorization=keys[1]["open"])
    guarded.send("door", {}, Authorization=guarded.basic(PASSWORD))
    assert box.openers == ["key open", "page"]


def test_it_is_told_which_doors_whoever_asks_may_open(guarded: Any, box: Any, keys: Keys) -> None:
    box.opened_by = ("http",)
    box.change(doors={"": False, "gate": True})
    asking = {"look": keys[1]["look"], "all": keys[1]["all"], "page": guarded.basic(PASSWORD)}
    told = {who: json.loads(guarded.get("/api/v1/status", Authorization=header).read())["may_open"]
            for who, header in asking.items()}  # fmt: skip
    assert told == {"look": [], "all": ["", "gate"], "page": []}


@pytest.mark.parametrize("gesture", ["short", "long", "double"])
@pytest.mark.parametrize("action", ["door", "door:gate"])
def test_a_button_that_opens_a_door_is_no_way_around_the_permission(
    guarded: Any, box: Any, keys: Keys, gesture: str, action: str
) -> None:
    box.change(buttons=[{"name": "green", "actions": {"press": "call:a", gesture: action}}])
    for ask in (lambda bearer: guarded.send("press", {"button": "green"}, Authorization=bearer),
                lambda bearer: guarded.post("/press/green", Authorization=bearer)):  # fmt: skip
        assert ask(keys[1]["talk"]).status_code == 403
        assert box.done == []
        assert ask(keys[1]["all"]).status_code == 204
        box.done.clear()


@pytest.mark.parametrize(
    "bearer", ["Bearer", "Bearer ", "Bearer wrong", "bearer \xe9", "Digest x", "Bearer " + "x" * 9000]
)
def test_a_wrong_key_opens_nothing_and_is_not_logged(
    guarded: Any, box: Any, bearer: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = guarded.send("door", {}, Authorization=bearer)
    assert answer.status_code == 401
    assert answer["www-authenticate"].startswith(("Bearer", "Basic"))
    assert box.done == []
    assert "wrong\n" not in caplog.text and "xxxx" not in caplog.text


def test_a_wrong_key_is_wrong_where_no_password_is_asked_for(
    browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.page.guesses.WRONG_PASSWORD_S", 0.0)
    assert browser.get("/api/v1/status", Authorization="Bearer wrong").status_code == 401
    assert browser.get("/api/v1/status").status_code == 200


def test_each_wrong_guess_of_an_address_is_answered_later_until_a_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    guesses = Guesses()
    monkeypatch.setattr("agent.page.guesses.gevent.sleep", lambda _s: None)

    def guess(address: str, known: str | None) -> float:
        guesses.judge(address, lambda: known, lambda: False)
        return guesses.penalty_s(address)

    waits = [guess("a", None) for _ in range(9)]
    assert waits == sorted(waits) and waits[0] == 0 and waits[1] > 0 and waits[-1] == waits[-2] == 2.0
    assert guess("b", None) == 0
    assert guess("a", "somebody") == 0


def test_only_so_many_addresses_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.page.guesses.gevent.sleep", lambda _s: None)
    guesses = Guesses()
    for number in range(1000):
        guesses.judge(str(number), lambda: None, lambda: False)
    assert len(guesses._wrong) == 256


@pytest.mark.parametrize(
    ("ask", "body", "named"),
    [
        ("volume", {"percent": 10, "persent": 1}, "'persent'"),
        ("answer", {"now": True}, "'now'"),
        ("volume", {}, "percent"),
        ("volume", {"percent": 101}, "percent"),
        ("volume", {"percent": -1}, "percent"),
        ("volume", {"percent": True}, "percent"),
        ("volume", {"percent": "10"}, "percent"),
        ("volume", {"percent": 1.5}, "percent"),
        ("volume", {"percent": None}, "percent"),
        ("volume", b'{"percent": 1, "percent": 100}', "twice"),
        ("volume", b'{"percent": NaN}', "JSON"),
        ("volume", b'{"percent": 1e999}', "percent"),
        ("do-not-disturb", {"on": 1}, "on must be true or false"),
        ("press", {"button": "green", "hold_s": 31}, "hold_s"),
        ("press", {"button": ["green"]}, "button"),
        ("call", {"to": ""}, "to"),
        ("call", {"to": "  "}, "to"),
        ("call", {"to": "a\r\nb"}, "to"),
        ("call", b'{"to": "\\ud800"}', "to"),
        ("call", {"to": "a" * 300}, "to"),
        ("call", b"{", "JSON"),
        ("call", b"[" * 4000, "JSON"),
        ("call", b"\xff\xfe", "JSON"),
        ("call", [], "object"),
        ("call", b"null", "object"),
        ("volume?percent=3", b"", "'percent' stands in the address"),
        ("volume?loud=3", {"percent": 3}, "'loud'"),
    ],
)
def test_a_field_that_is_wrong_is_named(browser: Any, box: Any, ask: str, body: Any, named: str) -> None:
    answer = browser.send(ask, body)
    assert answer.status_code == 400
    assert named in error(answer)
    assert box.done == []


def test_a_short_path_takes_each_field_once(browser: Any, box: Any) -> None:
    answer = browser.post("/volume?percent=1&percent=100")
    assert (answer.status_code, "'percent' is given twice" in error(answer)) == (400, True)
    assert box.done == []


def test_a_body_must_be_json_and_short(browser: Any, box: Any) -> None:
    assert browser.send("volume", {"percent": 1}, Content_Type="text/plain").status_code == 415
    assert browser.send("volume", b"percent=1", Content_Type="application/x-www-form-urlencoded").status_code == 415
    assert browser.send("volume", b" " * (MAX_BODY_BYTES + 1)).status_code == 413
    assert browser.send("volume", {"percent": 1}, Content_Type="application/json; charset=utf-8").status_code == 204
    assert box.done == [("volume", 1)]


@pytest.mark.parametrize("route", ROUTES, ids=name)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_a_wrong_method_is_answered_with_the_right_one(browser: Any, box: Any, route: ApiRoute, method: str) -> None:
    if method == route.method:
        return
    answer = browser._ask(method, route.path, {"X-Kiosk-Panel": "1"})
    assert answer.status_code == 405
    assert answer["allow"] == route.method
    assert box.done == []


def test_what_the_box_does_not_have_or_cannot_do_is_said(browser: Any, box: Any) -> None:
    assert browser.send("press", {"button": "gren"}).status_code == 404
    assert browser.send("door", {"door": "gate"}).status_code == 409
    assert browser.send("bell", {}).status_code == 404
    answer = browser.send("answer", {})
    assert (answer.status_code, error(answer)) == (409, "no call rings")


# --- settings ---


@pytest.mark.parametrize(
    ("key_hash", "permissions", "named"),
    [("secret", ("look",), "key_hash"), ("sha256:" + "A" * 64, ("look",), "key_hash"),
     (hash_of("a"), ("lock",), "'lock'"), (hash_of("a"), (), "empty")],
)  # fmt: skip
def test_a_key_that_cannot_be_used_is_refused(key_hash: str, permissions: tuple[str, ...], named: str) -> None:
    with pytest.raises(SettingError, match=named) as caught:
        ApiKeySettings(key_hash, permissions)
    assert "secret" not in str(caught.value)


def test_two_names_for_one_key_are_refused() -> None:
    one = ApiKeySettings(new_key()[1])
    with pytest.raises(SettingError, match="home and hall"):
        ApiSettings({"home": one, "hall": one})
