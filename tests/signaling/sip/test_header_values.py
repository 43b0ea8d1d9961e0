"""Addresses, Via, CSeq, parameters and challenges, as the programs of this world write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import ProtocolError
from agent.signaling.sip.header_values import (
    MOST_SEQUENCE,
    NameAddr,
    SequenceNumber,
    SipParameters,
    read_address,
    read_addresses,
    read_challenges,
    read_parameters,
    read_seconds,
    read_sequence,
    read_via,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), max_size=20)
GRUU = "sip:kiosk@pbx.example;gr=urn:uuid:c44932bb-f1bc-45ae-afcd-0f0b0a1b1836"


@pytest.mark.parametrize(
    ("text", "uri", "display", "tag"),
    [
        ("<sip:a@b>;tag=1", "sip:a@b", "", "1"),
        ("sip:a@b;tag=1", "sip:a@b", "", "1"),
        ("sip:alice;day=tue@x", "sip:alice", "", None),
        ("<sip:alice;day=tue@x>", "sip:alice;day=tue@x", "", None),
        ('"Front \\"Door\\", left" <sip:a@b>;TAG=1', "sip:a@b", 'Front "Door", left', "1"),
        ('"a>b;tag=2" <sip:a@b> ; tag = 1', "sip:a@b", "a>b;tag=2", "1"),
        ("Front  Door<sip:a@b>", "sip:a@b", "Front Door", None),
        ("<tel:+49-30-1>", "tel:+49-30-1", "", None),
        (f'<{GRUU}>;x="a;tag=9"', GRUU, "", None),
    ],
)
def test_an_address_is_read_and_its_uri_stays_as_it_is(text, uri, display, tag):
    address = read_address(text)

    assert (address.uri, address.display, address.tag) == (uri, display, tag)
    assert read_address(str(address)) == address


@pytest.mark.parametrize("text", ["", "a", "<>", "<a>", "<sip:>", "<sip:a@b", "sip:a@b>", "<sip:a@b>x", '"a <sip:a@b>',
                                  "<sip:a b@c>", "<<sip:a@b>>", "sip:a@b?x=1", "sip:a@b,sip:c@d", "<sip:a@b>;=1",
                                  "<sip:a@b>;x=\"1", "<sip:a@b>;x y"])  # fmt: skip
def test_an_address_that_could_be_another_one_is_refused(text):
    with pytest.raises(ProtocolError):
        read_address(text)


def test_the_contact_that_stands_for_all_is_none():
    assert read_addresses(("*",)) == ()


def test_the_binding_of_a_registrar_keeps_its_quoted_gruu():
    contact = read_address(f'<sip:k@7.invalid;transport=ws>;expires=60;pub-gruu="{GRUU}";temp-gruu="sip:u@p;gr";'
                           '+sip.instance="<urn:uuid:c4>";reg-id=1')  # fmt: skip

    assert contact.params.get("PUB-GRUU") == GRUU
    assert (contact.params.get("+sip.instance"), contact.params.get("reg-id")) == ("<urn:uuid:c4>", "1")


@given(TEXTS, st.lists(st.tuples(st.text("abc-xyz", min_size=1, max_size=5), st.none() | TEXTS), max_size=5))
def test_an_address_comes_back_as_it_was(display, params):
    address = NameAddr("sip:a@b", display, SipParameters(tuple(params)))

    assert read_address(str(address)) == address


def test_a_parameter_can_be_put_and_taken_out():
    params = read_parameters("a=1;b;a=2")

    assert (params.get("a"), params.get("b"), "b" in params) == ("1", None, True)
    assert str(params.replaced("A", "3")) == ";b;a=3"
    assert str(params.without("a")) == ";b"


@pytest.mark.parametrize(
    ("text", "sent_by", "branch"),
    [
        ("SIP/2.0/WSS 8ff6.invalid;branch=z9hG4bK1;rport=40950", "8ff6.invalid", "z9hG4bK1"),
        ("SIP / 2.0 / UDP  192.0.2.1 : 5060 ; branch = x", "192.0.2.1:5060", "x"),
        ("SIP/2.0/tls [2001:db8::9]:5061", "[2001:db8::9]:5061", ""),
    ],
)
def test_a_via_is_read(text, sent_by, branch):
    via = read_via(text)

    assert (via.sent_by, via.branch) == (sent_by, branch)
    assert read_via(str(via)) == via


def test_a_sequence_number_has_an_end():
    assert read_sequence(f" {MOST_SEQUENCE}   INVITE ") == SequenceNumber(MOST_SEQUENCE, "INVITE")
    for text in (f"{MOST_SEQUENCE + 1} INVITE", "-1 INVITE", "1", "INVITE", "1 IN VITE", "1 ", "", "١ INVITE"):
        with pytest.raises(ProtocolError):
            read_sequence(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), (" 120 (I am busy);duration=9", 120), ("0", 0), ("9" * 20, 2**32 - 1), ("-1", None), ("", None),
     (None, None), ("soon", None)],
)  # fmt: skip
def test_a_time_is_read_or_left_out(text, seconds):
    assert read_seconds(text) == seconds


def test_a_challenge_keeps_what_stands_in_its_quotes():
    (challenge,) = read_challenges(('Digest realm="a, b=c", nonce="x,y=z==", qop="auth,auth-int",  stale=FALSE',))

    assert challenge.scheme == "digest"
    assert [challenge.get(name) for name in ("realm", "nonce", "qop", "stale", "opaque")] == [
        "a, b=c", "x,y=z==", "auth,auth-int", "FALSE", None,
    ]  # fmt: skip


def test_several_challenges_may_stand_in_one_line_or_in_several():
    line = 'Digest realm="a", nonce=1, Bearer scope="x", DIGEST Realm="b",algorithm=SHA-256,nonce="2"'
    several = read_challenges((line,))

    assert [(one.scheme, one.get("realm")) for one in several] == [("digest", "a"), ("bearer", None), ("digest", "b")]
    assert read_challenges(("Digest a=1", "Digest b=2"))[1].params == (("b", "2"),)


@pytest.mark.parametrize(
    "text", ["", ",", "=", '"', 'Digest realm="', 'realm="a"', "Digest", 'Digest "x"', "Digest =,=,"]
)
def test_a_broken_challenge_is_no_error(text):
    for challenge in read_challenges((text,)):
        assert challenge.get("nonce") is None
