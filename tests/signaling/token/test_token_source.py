"""Every source of tokens, for real: a file, a program, a web server, a key."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import gevent
import jwt
import pytest
from gevent.queue import Queue

from agent.errors import InvalidArgumentError
from agent.signaling.token import token_source as token_module
from agent.signaling.token.fetch import MAX_TOKEN_CHARS
from agent.signaling.token.token_source import TokenError, TokenSettings, TokenSource, read_key
from tests.signaling.server import WAIT_S
from tests.signaling.web import Web

SECRET = "a secret of more than thirty-two bytes"
MINTED = {"account_sid": "AC1", "api_key_sid": "SK1", "api_key_secret": SECRET}


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    web = Web(tmp_path)
    yield web
    web.close()


def fetch(**settings: object) -> str:
    return TokenSource(TokenSettings(**settings), "kiosk").fetch()  # type: ignore[arg-type]


def from_url(web: Web, **settings: object) -> str:
    return fetch(url=f"https://{web.host}/token?for={{identity}}", url_ca_file=str(web.ca_file), **settings)


# Fetching


def test_a_token_may_stand_in_the_settings():
    assert fetch(value="a.b.c") == "a.b.c"


def test_a_token_may_stand_in_a_file(tmp_path):
    path = tmp_path / "token"
    path.write_text("a.b.c\n")
    assert fetch(file=str(path)) == "a.b.c"


def test_a_program_may_print_the_token():
    script = "import sys; print('token-for-' + sys.argv[1])"
    assert fetch(command=(sys.executable, "-c", script, "{identity}")) == "token-for-kiosk"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ((sys.executable, "-c", "raise SystemExit(3)"), "ended with status 3"),
        (("/nowhere/program",), "cannot be started"),
        ((sys.executable, "-c", ""), "empty"),
        ((sys.executable, "-c", "print('two words')"), "no token"),
    ],
)
def test_a_program_that_gives_no_token_is_blamed(command, why):
    with pytest.raises(TokenError, match=why):
        fetch(command=command)


def test_a_program_that_hangs_is_ended(monkeypatch, tmp_path):
    monkeypatch.setattr("agent.signaling.token.fetch.COMMAND_TIMEOUT_S", 2)
    pid_file = tmp_path / "pid"
    script = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(TokenError, match="took more than"):
        fetch(command=(sys.executable, "-c", script))
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_a_web_server_may_give_the_token(web):
    web.body = b"a.b.c\n"
    assert from_url(web, url_header="Authorization: Bearer site-key") == "a.b.c"
    request = web.next_request()
    assert (request.method, request.target) == ("GET", "/token?for=kiosk")
    assert request.header("Authorization") == "Bearer site-key"


@pytest.mark.parametrize("body", ['{"token": "a.b.c"}', '"a.b.c"', ' {"x":1,"token":"a.b.c"}'])
def test_a_web_server_may_wrap_the_token_in_json(web, body):
    web.body = body.encode()
    assert from_url(web) == "a.b.c"


def test_the_member_with_the_token_can_be_named(web):
    web.body = b'{"jwt": "a.b.c"}'
    assert from_url(web, url_member="jwt") == "a.b.c"


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (403, b"a.b.c", "HTTP status 403"),
        (302, b"", "HTTP status 302"),
        (200, b"", "empty"),
        (200, b"{", "broken JSON"),
        (200, b"{}", "no text member 'token'"),
        (200, b"<html> </html>", "no token"),
        (200, b"x" * (MAX_TOKEN_CHARS + 1), "no token"),
        (200, b"a\x00b", "no token"),
    ],
)
def test_a_web_server_that_gives_no_token_is_blamed(web, status, body, why):
    web.status, web.body = status, body
    with pytest.raises(TokenError, match=why):
        from_url(web)


def test_a_web_server_that_is_not_trusted_gets_no_secret(web):
    with pytest.raises(TokenError, match="not trusted"):
        fetch(url=f"https://{web.host}/", url_header="Authorization: secret")
    assert web.requests.empty()


def test_a_token_may_be_minted_from_an_api_key():
    claims = jwt.decode(fetch(**MINTED, application_sid="AP1", ttl_s=600), SECRET, algorithms=["HS256"])
    assert claims["grants"]["identity"] == "kiosk"
    assert claims["exp"] - claims["iat"] == 600


def test_a_token_may_be_minted_from_a_key_file(tmp_path):
    path = tmp_path / "api_key.json"
    path.write_text(json.dumps({"account_sid": "AC1", "key_sid": "SK1", "secret": SECRET}))
    assert read_key(path).key_sid == "SK1"
    assert jwt.decode(fetch(key_file=str(path)), SECRET, algorithms=["HS256"])["iss"] == "SK1"


def test_a_key_file_for_one_name_mints_for_that_name_only(tmp_path):
    path = tmp_path / "door.json"
    key = {"account_sid": "AC1", "key_sid": "SK1", "secret": SECRET, "identity": "kiosk"}
    path.write_text(json.dumps(key))
    assert jwt.decode(fetch(key_file=str(path)), SECRET, algorithms=["HS256"])["grants"]["identity"] == "kiosk"
    path.write_text(json.dumps({**key, "identity": "reception"}))
    with pytest.raises(TokenError, match=r"door\.json is for reception, and this box is kiosk"):
        fetch(key_file=str(path))


@pytest.mark.parametrize("text", ["", "{}", "[]", "5", '{"account_sid": "AC1"}', "[" * 9000])
def test_a_key_file_that_holds_no_key_is_named(tmp_path, text):
    path = tmp_path / "api_key.json"
    path.write_text(text)
    with pytest.raises(TokenError, match=r"api_key\.json"):
        read_key(path)


@pytest.mark.parametrize("make", ["file", "key_file"])
def test_a_missing_file_is_named(make):
    with pytest.raises(TokenError, match="/nowhere/secret"):
        fetch(**{make: "/nowhere/secret"})


# Settings


@pytest.mark.parametrize(
    "settings",
    [
        {"value": "a.b.c", "url": "https://x/"},
        {"api_key_sid": "SK1"},
        {"account_sid": "AC1"},
        {"url_header": "no colon"},
        {"url_header": "Authorization:"},
    ],
)
def test_settings_that_contradict_themselves_are_refused(settings):
    with pytest.raises(ValueError, match=r"expected|together|look like"):
        TokenSettings(**settings)


def test_settings_without_a_source_make_no_source():
    with pytest.raises(InvalidArgumentError, match="no source"):
        TokenSource(TokenSettings(), "kiosk")


def test_settings_do_not_show_their_secrets():
    shown = repr(TokenSettings(**MINTED, url_header="A: hidden-header", ttl_s=77))
    assert SECRET not in shown
    assert "hidden-header" not in shown
    assert "77" in shown


# Renewing


class Box:
    """A started source and what it emitted."""

    def __init__(self, **settings: object) -> None:
        self.source = TokenSource(TokenSettings(**settings), "kiosk")  # type: ignore[arg-type]
        self.tokens: Queue[str] = Queue()
        self.errors: Queue[TokenError] = Queue()
        self.source.on("token", self.tokens.put)
        self.source.on("error", self.errors.put)
        self.source.start()

    def __enter__(self) -> Box:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.source.stop()

    def next_token(self) -> str:
        with gevent.Timeout(WAIT_S, TimeoutError("no token")):
            return self.tokens.get()


def test_the_first_token_is_waited_for():
    with Box(**MINTED) as box:
        assert box.source.wait(WAIT_S) == box.next_token()


def test_a_token_is_renewed_before_it_ends(web, monkeypatch):
    monkeypatch.setattr(token_module, "token_validity", lambda token: token_module.Validity(1, 1.2))
    web.body = b"first"
    with Box(url=f"https://{web.host}/", url_ca_file=str(web.ca_file), renew_before_s=5) as box:
        assert box.next_token() == "first"
        web.body = b"second"
        assert box.next_token() == "second"


def test_a_refused_token_is_replaced(web):
    web.body = b"first"
    with Box(url=f"https://{web.host}/", url_ca_file=str(web.ca_file)) as box:
        assert box.next_token() == "first"
        web.body = b"second"
        box.source.refused()
        assert box.next_token() == "second"


def test_a_failure_is_reported_and_tried_again(web, caplog):
    web.status = 500
    with caplog.at_level(logging.INFO), Box(url=f"https://{web.host}/", url_ca_file=str(web.ca_file)) as box:
        with gevent.Timeout(WAIT_S, TimeoutError):
            assert "HTTP status 500" in str(box.errors.get())
        web.status, web.body = 200, b"the-token"
        assert box.next_token() == "the-token"
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_changed_network_hurries_the_next_try(web):
    web.status = 500
    with Box(url=f"https://{web.host}/", url_ca_file=str(web.ca_file)) as box:
        for _ in range(2):
            box.errors.get(timeout=WAIT_S)
        web.status, web.body = 200, b"the-token"
        box.source.network_changed()
        assert box.tokens.get(timeout=1.5) == "the-token"


def test_a_file_that_changes_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(token_module, "FILE_POLL_S", 0.01)
    path = tmp_path / "token"
    path.write_text("first")
    with Box(file=str(path)) as box:
        assert box.next_token() == "first"
        new = tmp_path / "new"
        new.write_text("second")
        os.utime(new, ns=(1, 1))
        new.rename(path)
        assert box.next_token() == "second"


def test_no_token_and_no_secret_reaches_a_log(web, caplog):
    web.body = b"the-opaque-thing"
    with (
        caplog.at_level(logging.DEBUG),
        Box(url=f"https://{web.host}/", url_header="A: hidden", url_ca_file=str(web.ca_file)) as box,
    ):
        box.next_token()
        web.body = b"the opaque thing, broken"
        box.source.refused()
        box.errors.get(timeout=WAIT_S)
    assert "opaque" not in caplog.text
    assert "hidden" not in caplog.text
