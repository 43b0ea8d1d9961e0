"""Which tokens give access."""

from __future__ import annotations

import base64
from typing import Any

import jwt
import pytest

from agent.signaling.token.access_token import ApiKey, mint_token
from agent.switchboard.grant import TokenRejected
from agent.switchboard.tokens import verify

NOW_S = 1_800_000_000.0
KEY = ApiKey("AC" + "1" * 32, "SK" + "2" * 32, "s" * 43)


BOX = ApiKey(KEY.account_sid, "SK" + "3" * 32, "b" * 43, identity="door")


def find(key_sid: str) -> ApiKey | None:
    return {KEY.key_sid: KEY, BOX.key_sid: BOX}.get(key_sid)


def forged(**changes: Any) -> str:
    claims = {
        "iss": KEY.key_sid,
        "sub": KEY.account_sid,
        "exp": NOW_S + 60,
        "grants": {"identity": "alice", "voice": {"incoming": {"allow": True}}},
    }
    return jwt.encode({**claims, **changes}, KEY.secret, "HS256")


def test_a_minted_token_is_granted_what_it_says() -> None:
    token = mint_token(KEY, "alice", ttl_s=600, application_sid="AP1", now=NOW_S)
    grant = verify(token, find, NOW_S + 100)
    assert (grant.identity, grant.account_sid, grant.ttl_s) == ("alice", KEY.account_sid, 500)
    assert grant.may_call and grant.may_register


def test_a_token_may_forbid_directions() -> None:
    grant = verify(mint_token(KEY, "alice", incoming_allow=False, now=NOW_S), find, NOW_S)
    assert not grant.may_call and not grant.may_register


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", 31204),
        ("a.b.c", 31204),
        ("x" * 10_000, 31204),
        ("\ud800.b.c", 31204),
        ("ü.ü.ü", 31204),
        (base64.urlsafe_b64encode(b"[" * 9000).decode().rstrip("=") + ".e30.e30", 31204),
        (forged(iss="ü"), 31204),
        (forged(exp=NOW_S), 31205),
        (forged(exp=None), 31204),
        (forged(exp="soon"), 31204),
        (forged(nbf=NOW_S + 600), 31204),
        (forged(iss="SKother"), 31204),
        (forged(iss=BOX.key_sid), 31204),
        (forged(grants={}), 31204),
        (forged(grants={"identity": "alice"}), 31204),
        (forged(grants={"identity": "", "voice": {}}), 31204),
        (forged(grants={"identity": "a\nb", "voice": {}}), 31204),
        (forged(grants=["identity"]), 31204),
        (jwt.encode({"iss": KEY.key_sid, "exp": NOW_S + 60}, "another secret" * 3, "HS256"), 31204),
        (jwt.encode({"iss": KEY.key_sid, "exp": NOW_S + 60}, "", "none"), 31204),
        (jwt.encode({"iss": KEY.key_sid, "exp": NOW_S + 60}, KEY.secret * 2, "HS512"), 31204),
    ],
)
def test_anything_else_is_rejected(token: str, code: int) -> None:
    with pytest.raises(TokenRejected) as caught:
        verify(token, find, NOW_S)
    assert caught.value.code == code


def test_a_box_signs_for_its_own_name_and_no_other() -> None:
    grant = verify(mint_token(BOX, "door", now=NOW_S), find, NOW_S)
    assert (grant.identity, grant.key_sid) == ("door", BOX.key_sid)
    assert verify(mint_token(KEY, "door", now=NOW_S), find, NOW_S).key_sid == ""
    for name in ("reception", "Door", "door ", "doors"):
        with pytest.raises(TokenRejected) as caught:
            verify(mint_token(BOX, name, now=NOW_S), find, NOW_S)
        assert caught.value.code == 31204
