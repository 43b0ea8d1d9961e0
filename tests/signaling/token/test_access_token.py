"""Tokens as the service wants them."""

from __future__ import annotations

import jwt
import pytest

from agent.errors import InvalidArgumentError
from agent.signaling.token.access_token import ApiKey, Validity, mint_token, token_validity

KEY = ApiKey("AC1", "SK1", "a secret of more than thirty-two bytes")


def test_a_minted_token_is_one_that_the_service_takes():
    token = mint_token(KEY, "kiosk", ttl_s=600, application_sid="AP1")
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT", "cty": "twilio-fpa;v=1"}
    claims = jwt.decode(token, KEY.secret, algorithms=["HS256"])
    assert (claims["iss"], claims["sub"], claims["exp"] - claims["iat"]) == ("SK1", "AC1", 600)
    assert claims["jti"].startswith("SK1-")
    assert claims["grants"] == {
        "identity": "kiosk",
        "voice": {"incoming": {"allow": True}, "outgoing": {"application_sid": "AP1"}},
    }


def test_a_token_for_incoming_calls_only_has_no_application():
    claims = jwt.decode(mint_token(KEY, "kiosk"), KEY.secret, algorithms=["HS256"])
    assert claims["grants"]["voice"] == {"incoming": {"allow": True}}


def test_two_tokens_of_one_second_differ():
    assert mint_token(KEY, "kiosk", now=1e9) != mint_token(KEY, "kiosk", now=1e9)


@pytest.mark.parametrize(("identity", "ttl_s"), [("", 60), ("kiosk", 0), ("kiosk", 86_401)])
def test_a_token_that_cannot_work_is_not_minted(identity, ttl_s):
    with pytest.raises(InvalidArgumentError):
        mint_token(KEY, identity, ttl_s=ttl_s)


def test_a_key_does_not_show_its_secret():
    assert KEY.secret not in repr(KEY)


def test_a_token_says_when_it_ends():
    assert token_validity(mint_token(KEY, "kiosk", ttl_s=60, now=1_000)) == Validity(1_000, 1_060)


@pytest.mark.parametrize("claims", ['{"exp":"x"}', '{"exp":true}', '{"exp":-1}', '{"exp":1e300}', "{}", "[]", "5"])
def test_a_token_with_strange_claims_does_not_say_when_it_ends(claims):
    body = jwt.utils.base64url_encode(claims.encode()).decode()
    assert token_validity(f"e30.{body}.x") is None


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "a.!!.c", "a.e30.c", ".."])
def test_an_opaque_token_does_not_say_when_it_ends(token):
    assert token_validity(token) is None


def test_an_end_without_a_beginning_is_known():
    body = jwt.utils.base64url_encode(b'{"exp":2000}').decode()
    assert token_validity(f"e30.{body}.x") == Validity(None, 2000)
