"""Answers to challenges: the RFCs' own examples, nonces, realms, and what is refused."""

from __future__ import annotations

import hashlib
import re

import pytest

from agent.errors import CredentialsError
from agent.signaling.sip.digest import MOST_NONCES, MOST_STALE, DigestClient
from agent.signaling.sip.headers import SipHeaders
from agent.signaling.sip.message import SipRequest, SipResponse

REGISTER = SipRequest("REGISTER", "sip:pbx.example")
QOP = 'Digest realm="r", nonce="n", qop="auth"'
ONE, TWO = 'Digest realm="r", nonce="1"', 'Digest realm="r", nonce="2"'


def challenged(*values: str, status: int = 401) -> SipResponse:
    name = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}[status]
    return SipResponse(status, "", SipHeaders(tuple((name, value) for value in values)))


def client(secret: str = "secret") -> DigestClient:
    return DigestClient("kiosk", lambda: secret, lambda: "ours")


def shown(headers: SipHeaders, name: str = "Authorization", index: int = 0) -> dict[str, str]:
    """The parameters of one answer."""
    value = headers.values(name)[index]
    assert value.startswith("Digest ")
    return {key: quoted or plain for key, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^",]+))', value)}


def h(name: str, text: str) -> str:
    return hashlib.new(name, text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_the_rfc_has_its_answer(algorithm, response):  # RFC 7616 section 3.9.1
    mufasa = DigestClient("Mufasa", lambda: "Circle of Life", lambda: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    answer = shown(mufasa.answer(SipRequest("GET", "/dir/index.html"), challenged(
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
    )))  # fmt: skip

    assert (answer["response"], answer["algorithm"], answer["nc"]) == (response, algorithm, "00000001")
    assert answer["opaque"] == "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


def test_a_server_of_old_gets_an_answer_without_qop():  # RFC 2069
    answer = shown(client().answer(REGISTER, challenged('Digest realm="r", nonce="n"')))

    assert answer["response"] == h("md5", f"{h('md5', 'kiosk:r:secret')}:n:{h('md5', 'REGISTER:sip:pbx.example')}")
    assert not {"qop", "nc", "cnonce", "algorithm", "opaque"} & answer.keys()


@pytest.mark.parametrize(("algorithm", "name"), [("SHA-256-sess", "sha256"), ("md5-sess", "md5")])
def test_a_session_has_a_key_of_its_own(algorithm, name):
    answer = shown(client().answer(REGISTER, challenged(f"{QOP}, algorithm={algorithm}")))

    key = h(name, f"{h(name, 'kiosk:r:secret')}:n:ours")
    assert answer["response"] == h(name, f"{key}:n:00000001:ours:auth:{h(name, 'REGISTER:sip:pbx.example')}")
    assert answer["algorithm"] == algorithm


def test_what_is_written_is_quoted_where_it_must_be():
    headers = client().answer(REGISTER, challenged('Digest realm="a \\"b\\"", nonce="n", qop="auth"'))
    value = headers.first("Authorization") or ""

    assert 'realm="a \\"b\\""' in value
    assert "qop=auth, nc=00000001" in value


def test_a_nonce_counts_its_uses_and_several_servers_count_for_themselves():
    digest = client()
    counts = [shown(digest.answer(REGISTER, challenged(f'Digest realm="r", nonce="{nonce}", qop="auth"')))["nc"]
              for nonce in ("a", "a", "b", "a")]  # fmt: skip

    assert counts == ["00000001", "00000002", "00000001", "00000003"]


def test_nonces_are_not_kept_for_ever():
    digest = client()
    for nonce in ("old", *range(MOST_NONCES)):
        digest.answer(REGISTER, challenged(f'Digest realm="r", nonce="{nonce}", qop="auth"'))

    assert shown(digest.answer(REGISTER, challenged('Digest realm="r", nonce="old", qop="auth"')))["nc"] == "00000001"


def test_the_strongest_of_several_challenges_is_answered():
    answer = client().answer(REGISTER, challenged(
        f'{ONE}, algorithm=MD5, qop="auth"', f'{TWO}, algorithm=SHA-256, qop="auth"',
        'Digest realm="r", nonce="3", algorithm=SHA-1, qop="auth"', 'Bearer realm="r"',
        'Digest realm="r", nonce="4", algorithm=SHA-512-256, qop="auth-int"',
    ))  # fmt: skip

    assert (shown(answer)["nonce"], len(answer.values("Authorization"))) == ("2", 1)


def test_each_realm_gets_an_answer():
    both = challenged('Digest realm="a", nonce="1"', 'Digest realm="b", nonce="2"', status=407)
    answer = client().answer(REGISTER, both)

    assert [shown(answer, "Proxy-Authorization", n)["realm"] for n in (0, 1)] == ["a", "b"]
    assert "Authorization" not in answer


def test_an_answer_takes_the_place_of_the_one_before():
    digest = client()
    first = SipRequest("REGISTER", "sip:pbx.example", digest.answer(REGISTER, challenged(ONE)))
    again = digest.answer(first, challenged('Digest realm="r", nonce="2", stale=TRUE'), 1)

    assert [shown(again)["nonce"], len(again.values("Authorization"))] == ["2", 1]


def test_a_refused_secret_is_told_and_not_shown():
    digest = client("top-secret")
    first = SipRequest("REGISTER", "sip:pbx.example", digest.answer(REGISTER, challenged(ONE)))

    with pytest.raises(CredentialsError, match="check user and secret") as caught:
        digest.answer(first, challenged(TWO), 1)
    assert "top-secret" not in str(caught.value)


def test_a_server_to_which_every_nonce_is_stale_is_left():
    digest, request = client(), REGISTER
    with pytest.raises(CredentialsError):
        for tries in range(MOST_STALE + 1):
            headers = digest.answer(request, challenged(f'Digest realm="r", nonce="{tries}", stale=true'), tries)
            request = SipRequest("REGISTER", "sip:pbx.example", headers)


def test_a_proxy_that_challenges_behind_a_registrar_is_answered_too():
    digest = client()
    first = SipRequest("REGISTER", "sip:pbx.example", digest.answer(REGISTER, challenged(ONE)))
    both = digest.answer(first, challenged('Digest realm="p", nonce="2"', status=407), 1)

    assert (shown(both)["realm"], shown(both, "Proxy-Authorization")["realm"]) == ("r", "p")


def test_the_next_request_answers_before_it_is_asked():
    digest = client()
    assert digest.anticipate(REGISTER) == REGISTER.headers
    digest.answer(REGISTER, challenged('Digest realm="r", nonce="1", qop="auth"'))

    assert shown(digest.anticipate(REGISTER))["nc"] == "00000002"


def test_the_secret_is_asked_for_at_each_answer():
    secrets = iter(["first", "second"])
    digest = DigestClient("kiosk", lambda: next(secrets), lambda: "ours")
    one, two = (shown(digest.answer(REGISTER, challenged(ONE))) for _ in range(2))

    assert one["response"] != two["response"]


@pytest.mark.parametrize(
    "value", [f'{ONE}, qop="auth-int"', f"{ONE}, algorithm=SHA-1", 'Basic realm="r"', 'Digest realm="r"', "",
              f'{ONE}, qop=""'],
)  # fmt: skip
def test_what_cannot_be_answered_is_said_plainly(value):
    with pytest.raises(CredentialsError, match="a proof that we cannot give"):
        client().answer(REGISTER, challenged(value))


def test_a_challenge_without_challenges_is_refused():
    with pytest.raises(CredentialsError, match="nothing"):
        client().answer(REGISTER, SipResponse(401, ""))
