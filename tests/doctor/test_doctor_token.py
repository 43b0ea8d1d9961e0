"""What the self-test says of an access token: whose it is, what it allows, and which fault counts most."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from agent.config import Config
from agent.doctor.checklist import Check, Outcome
from agent.doctor.token import TokenNeeds, check_token, duration
from agent.errors import AgentError
from agent.signaling.token.access_token import ApiKey, mint_token
from agent.signaling.token.token_facts import read_facts
from hw.panel.settings import ButtonSettings

KEY = ApiKey("AC" + "0" * 32, "SK" + "1" * 32, "a secret that is long enough to sign", "AP" + "2" * 32)
TWILIO = TokenNeeds("door_1", of_twilio=True, dials=True)
OWN = TokenNeeds("door-1", of_twilio=False, dials=True)


def judged(needs: TokenNeeds = TWILIO, *, cty: str = "twilio-fpa;v=1", ends_in_s: float = 3600, **claims: Any) -> Check:
    """The check of a good token, but for what is given."""
    good = {"iss": KEY.key_sid, "sub": KEY.account_sid, "exp": int(time.time() + ends_in_s), "grants": {
        "identity": needs.identity,
        "voice": {"incoming": {"allow": True}, "outgoing": {"application_sid": KEY.application_sid}}}}  # fmt: skip
    token = jwt.encode({**good, **claims}, KEY.secret, algorithm="HS256", headers={"cty": cty})
    check = check_token(lambda: token, needs)
    assert token not in check.detail and KEY.secret not in check.detail
    return check


def grants(identity: str = "door_1", **voice: Any) -> dict[str, Any]:
    return {"identity": identity, "voice": voice}


IN, OUT = {"incoming": {"allow": True}}, {"outgoing": {"application_sid": KEY.application_sid}}


@pytest.mark.parametrize("needs", [TWILIO, OWN])
def test_a_right_token_says_for_whom_by_whom_for_what_and_how_long(needs: TokenNeeds) -> None:
    token = mint_token(KEY, needs.identity, ttl_s=3600)

    check = check_token(lambda: token, needs)

    assert check.outcome is Outcome.OK
    assert check.detail == (f"for {needs.identity}, signed by {KEY.key_sid}, takes calls, calls through "
                            f"{KEY.application_sid}, good for 60 minutes")  # fmt: skip


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"grants": {"identity": "door_1"}}, "no voice grant"),
        ({"grants": {}}, "no voice grant"),
        ({"grants": grants("", **IN)}, "names no identity"),
        ({"iss": "another"}, "no access token of the Twilio service"),
        ({"sub": 7}, "no access token of the Twilio service"),
        ({"cty": "JWT"}, "no access token of the Twilio service"),
        ({"ends_in_s": -3 * 86_400}, "ended 3 days ago"),
        ({"ends_in_s": -1, "grants": {}}, "ended"),
    ],
)
def test_a_token_that_makes_calls_impossible_has_failed(claims: dict[str, Any], words: str) -> None:
    check = judged(**claims)

    assert check.outcome is Outcome.FAILED and words in check.detail and check.remedy


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"grants": grants("door_2", **IN, **OUT)}, "it is for door_2, and this box is door_1"),
        ({"grants": grants(incoming={"allow": False}, **OUT)}, "lets no calls in"),
        ({"grants": grants(**OUT)}, "lets no calls in"),
        ({"grants": grants(**IN)}, "no calls out, and a button dials"),
        ({"grants": grants(outgoing="all", **IN)}, "no calls out, and a button dials"),
        ({"ends_in_s": 60}, "ends in"),
    ],
)
def test_a_token_that_is_not_quite_what_the_box_needs_is_a_warning(claims: dict[str, Any], words: str) -> None:
    check = judged(**claims)

    assert check.outcome is Outcome.WARNING and words in check.detail and check.remedy


@pytest.mark.parametrize("identity", ["door-1", "door 1", "tür", "x" * 122])
def test_a_name_that_the_service_promises_nothing_for_is_a_warning(identity: str) -> None:
    check = judged(TokenNeeds(identity, of_twilio=True, dials=True))

    assert check.outcome is Outcome.WARNING and "letters, digits and _" in check.detail


def test_a_box_without_a_button_that_dials_needs_no_application() -> None:
    check = judged(TokenNeeds("door_1", of_twilio=True, dials=False), grants=grants(**IN))

    assert check.outcome is Outcome.OK and "calls nobody" in check.detail


def test_our_own_switchboard_takes_other_names_and_keys() -> None:
    assert judged(OWN, cty="JWT", iss="key", sub="site").outcome is Outcome.OK


@pytest.mark.parametrize("text", ["opaque", "a.b.c", "...", "\x00.\x00", "é.é.é"])
def test_what_is_no_token_that_can_be_read_is_left_to_the_service(text: str) -> None:
    check = check_token(lambda: text, TWILIO)

    assert check.outcome is Outcome.WARNING and "cannot be read" in check.detail and text not in check.detail
    assert not read_facts(text).has_voice


def test_no_token_says_why_there_is_none() -> None:
    def broken() -> str:
        raise AgentError("token_url answered 403")

    assert check_token(broken, TWILIO).detail == "token_url answered 403"
    assert check_token(lambda: "", TWILIO).detail == "there is none"


def test_words_of_the_token_are_shown_harmlessly() -> None:
    hostile = grants("door\x1b[2J\n" * 40, **IN)

    for needs in (TWILIO, OWN):
        check = judged(needs, grants=hostile)
        assert check.detail.isprintable() and len(check.detail) < 400


@pytest.mark.parametrize(("action", "dials"), [("call:reception", True), ("redial", True), ("accept", False)])
def test_what_the_buttons_do_decides_what_the_token_must_allow(action: str, dials: bool) -> None:
    config = Config(buttons={"one": ButtonSettings(pin=17, short=action)})

    assert TokenNeeds.by(config).dials is dials


@pytest.mark.parametrize(
    ("seconds", "words"), [(59, "59 s"), (3600, "60 minutes"), (7200, "2 hours"), (86_400 * 2, "2 days")]
)
def test_times_are_told_in_the_unit_that_fits(seconds: float, words: str) -> None:
    assert duration(seconds) == words
