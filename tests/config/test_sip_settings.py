"""[sip]: what cannot be used is refused with its place, and what has no effect is told."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config import doubts, load, load_for_box, load_to_check
from agent.config.sip_account import sip_account
from agent.errors import ConfigError

INSTANCE = "0e4e0e0c-6f0e-4a5e-9d1e-000000000001"
BOX = '[box]\npins = "mock"\n[page]\nlisten = "127.0.0.1:0"\n'
GOOD = BOX + (
    '[signaling]\nprotocol = "sip"\n'
    '[sip]\nedges = ["wss://pbx.example.org:7443/ws"]\nuser = "200"\ndomain = "pbx.example.org"\n'
)
WITH_SECRET = GOOD + 'secret = "s3cret-words"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def problems(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_to_check(written(folder, text))
    return str(caught.value)


def sip(edges: str = '["wss://pbx.example.org/ws"]', more: str = "", domain: str = "pbx.example.org") -> str:
    return f'{BOX}[signaling]\nprotocol = "sip"\n[sip]\nedges = {edges}\ndomain = "{domain}"\n{more}\n'


def test_a_box_with_a_pbx_needs_no_token(tmp_path: Path) -> None:
    path = written(tmp_path, WITH_SECRET)

    assert load_to_check(path).sip.secret_source == "secret"
    assert doubts(path, load(path)) == []


def test_edges_that_are_trusted_are_some_of_those_that_are_used(tmp_path: Path) -> None:
    edges = '["wss://a.example.org/ws", "wss://b.example.org"]'
    config = load(written(tmp_path, sip(edges, 'trusted_edges = ["wss://b.example.org:443/"]')))
    assert sip_account(config, "", INSTANCE).trusted_edges == ("wss://b.example.org",)

    told = problems(tmp_path, sip(edges, 'trusted_edges = ["wss://c.example.org", "wss://a.example.org/other"]'))
    assert "wss://c.example.org and wss://a.example.org/other is none of edges" in told
    assert "a whole address" in problems(tmp_path, sip(edges, 'trusted_edges = ["a.example.org"]'))


@pytest.mark.parametrize(
    ("edges", "told"),
    [
        ('["ws://pbx.example.org/ws"]', 'encrypted: "wss://pbx.example.org/ws"'),
        ('["pbx.example.org"]', 'a whole address: "wss://pbx.example.org"'),
        ('["pbx.example.org:7443/ws"]', 'a whole address: "wss://pbx.example.org:7443/ws"'),
        ('["https://pbx.example.org/ws"]', "an address like"),
        ('["wss://user@pbx.example.org/ws"]', "without a user"),
        ('["wss://pbx.example.org/a b"]', "without blanks"),
        ('["wss://pbx.example.org:99999/ws"]', "an address like"),
        ('["wss://"]', "an address like"),
        ('["wss://a.example", "wss://a.example"]', "one address twice"),
        ('["wss://A.example:443", "wss://a.example/"]', "one address twice"),
        ("[]", "sip.edges: they are missing"),
        ('"wss://pbx.example.org"', "a list"),
    ],
)
def test_an_edge_that_cannot_be_used_is_refused_with_what_was_meant(tmp_path: Path, edges: str, told: str) -> None:
    assert told in problems(tmp_path, sip(edges))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('user = "sip:200@pbx.example.org"', 'domain: "200", and domain = "pbx.example.org"'),
        ('user = "tel:+4930"', 'without "sip:"'),
        ('user = " 200"', "without blanks around it"),
        ('user = "a\\nb"', "characters that can be seen"),
        ("expires_s = 5", "from 60 to 86400"),
        ("reject_with = 500", "one of 603, 486"),
        ('instance = "box one"', "a UUID"),
        ('headers = ["X-Site: a\\r\\nVia: b"]', "without line breaks"),
        ('headers = ["From: <sip:boss@pbx.example.org>"]', "begins with X-"),
        ('headers = ["Via: x"]', "begins with X-"),
        ('headers = ["X-Site"]', 'a header like "X-Site: gate"'),
        ('headers = ["X-Site: a", "x-site: b"]', "stands there twice"),
        ('display_name = "Front\\ndoor"', "one line"),
        ('secret = "a\\nb"', "this value: expected one line"),
        ('secret = "a"\nsecret_command = ["true"]', "secret and secret_command are given"),
        ('secret_file = "nowhere"', "a file that exists"),
        (f'secret_file = "{"a" * 300}"', "a file with a shorter name"),
        ('secret_command = ["/no/such/program"]', "there is no such program"),
        ('secret_command = [""]', "expected a program"),
        ('secret_command = ["false"]', "ended with status 1"),
        ('secret_command = ["true"]', "holds nothing"),
        ('secret_command = ["printf", "a\\\\nb"]', "no password"),
        ('user_name = "x"', 'unknown key; did you mean "user"?'),
    ],
)
def test_a_key_of_the_section_that_cannot_be_used_is_refused_at_its_line(tmp_path: Path, more: str, told: str) -> None:
    assert told in problems(tmp_path, sip(more=more))


@pytest.mark.parametrize(
    ("domain", "told"),
    [("", "sip.domain: it is missing"), ("pbx example", "the domain alone"), ("sip:pbx.example", "the domain alone"),
     ("tür.example", "xn-- form"), ("pbx.example.org:0", "the domain alone"), ("a..b", "cannot be in a domain")],
)  # fmt: skip
def test_a_domain_that_cannot_be_used_is_refused(tmp_path: Path, domain: str, told: str) -> None:
    assert told in problems(tmp_path, sip(domain=domain))


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ('[signaling]\nprotocol = "sip"\nserver = "board.local:8443"', "signaling.server: it belongs to the other"),
        ('[signaling]\nprotocol = "sip"\nedge = "dublin"', "signaling.edge: it belongs to the other"),
        ('[signaling]\nprotocol = "sip"\ngeneration = "1"', "signaling.generation: it belongs to the other"),
        ('[signaling]\nprotocol = "sip"\ninsights = "on"', "takes no reports"),
        ('[signaling]\nprotocol = "SIP"', 'did you mean "sip"?'),
        ('[buttons.a]\npin = 5\nshort = "feedback:5"', "a PBX takes no word"),
        ('[buttons.a]\npin = 5\nshort = "call:client:desk"', '"call:desk"'),
        ('[buttons.a]\npin = 5\nshort = "call:sip:desk@"', "at place 10"),
        ('[buttons.a]\npin = 5\nshort = "call:http://x"', "at place 5"),
        ('[buttons.a]\npin = 5\nshort = "call:desk?a+b=1"', "a header's name"),
        ('[answering]\nauto_answer = ["client:desk"]', '"sip:desk@pbx.example.org"'),
    ],
)
def test_what_has_no_meaning_with_sip_is_refused(tmp_path: Path, others: str, told: str) -> None:
    text = WITH_SECRET.replace('[signaling]\nprotocol = "sip"\n', "") + others if "[signaling]" in others else ""

    assert told in problems(tmp_path, text or WITH_SECRET + others)


@pytest.mark.parametrize(
    "whom", ["desk", "+49 30 123", "sip:desk@other.example", "sips:desk@other.example", "tel:+4930123", "Große%20Tür"]
)
def test_a_button_calls_users_numbers_and_uris(tmp_path: Path, whom: str) -> None:
    button = f'[buttons.a]\npin = 5\nshort = "call:{whom.replace(" ", "%20")}?Floor=2"'

    load_to_check(written(tmp_path, WITH_SECRET + button))


@given(st.sampled_from(["user", "domain", "display_name", "instance", "secret"]), st.text(max_size=30),
       st.text(max_size=20))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_any_text_is_refused_or_makes_an_account(
    tmp_path_factory: pytest.TempPathFactory, key: str, text: str, whom: str
) -> None:
    keys = {"edges": ["wss://pbx.example.org/ws"], "domain": "pbx.example.org", key: text}
    lines = [f"{name} = {json.dumps(value)}" for name, value in keys.items()]
    button = f"[buttons.a]\npin = 5\nshort = {json.dumps(f'call:{whom}')}\n"
    document = "\n".join([BOX, '[signaling]\nprotocol = "sip"\n[sip]', *lines, button]).replace("\x7f", "\\u007f")
    try:
        config = load(written(tmp_path_factory.getbasetemp(), document))
    except ConfigError as error:
        assert all(line.isprintable() for line in str(error).splitlines())
    else:
        assert sip_account(config, "word").address_of_record.isascii()


def test_a_user_with_blanks_and_umlauts_is_taken_and_escaped(tmp_path: Path) -> None:
    load_to_check(written(tmp_path, sip(more='user = "Große Tür"\nsecret = "s3cret"')))


def test_an_empty_password_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("\n")
    (tmp_path / "password").chmod(0o600)

    assert "holds nothing" in problems(tmp_path, GOOD + 'secret_file = "password"')


def test_a_password_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, WITH_SECRET)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match=r"sip\.secret: every user of this machine may read this"):
        load_for_box(path)
    (tmp_path / "password").write_text("s3cret")
    (tmp_path / "password").chmod(0o644)
    with pytest.raises(ConfigError, match=r"sip\.secret_file: every user of this machine may read"):
        load_for_box(written(tmp_path, GOOD + 'secret_file = "password"'))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_message_shows_the_password(tmp_path: Path) -> None:
    told = problems(tmp_path, WITH_SECRET + 'secret_file = "x"\nheaders = 3\nexpires_s = 1')
    config = load(written(tmp_path, WITH_SECRET))

    assert "s3cret-words" not in told + repr(config)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD, "there is no password"),
        (WITH_SECRET + '[token]\nkey_file = "key.json"', "it is not used with SIP"),
        (BOX + '[sip]\nuser = "200"', 'expected signaling.protocol = "sip" with it'),
    ],
)
def test_what_has_no_effect_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "key.json").write_text("{}")
    path = written(tmp_path, text)

    assert any(told in doubt for doubt in doubts(path, load(path)))
