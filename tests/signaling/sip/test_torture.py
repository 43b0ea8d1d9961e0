"""The situations of RFC 4475 (torture tests for SIP), each in messages of our own.

The section of the RFC stands with each; what is a matter of a proxy or of what a user agent answers is left out.
"""

from __future__ import annotations

import pytest

from agent.errors import ProtocolError
from agent.signaling.sip.message import SipRequest, SipResponse, parse_message, write_message
from tests.signaling.sip.frames import request, response, without

# 3.1.1.1: blanks and folded lines wherever the grammar has room for them, compact forms, empty and unknown headers
BLANKS_EVERYWHERE = (
    "INVITE sip:kiosk@pbx.example;unknown SIP/2.0\r\n"
    "TO :\r\n sip:kiosk@pbx.example ;   tag    = 19a\r\n"
    'from   : "K L \\\\\\""       <sip:desk@pbx.example>\r\n  ;\r\n  tag = 98b\r\n'
    "MaX-fOrWaRdS: 0068\r\n"
    "Call-ID: odd.0ha0isndaksdj@192.0.2.1\r\n"
    "cseq: 0009\r\n  INVITE\r\n"
    "Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390b\r\n"
    "s :\r\nNewHeader:   new value\r\n goes on ;;,,;;,;\r\n"
    "Content-Type: application/sdp\r\n"
    "Route:\r\n <sip:edge.example;lr;unknownwith=value;unknown-no-value>\r\n"
    "v:  SIP  / 2.0  / TCP     hop.example   ;\r\n  branch  =   z9hG4bK9i  ,\r\n SIP  /    2.0   / UDP  192.0.2.9   ;"
    " branch=\r\n z9hG4bK302\r\n"
    'm:"Quoted \\"\\"" <sip:desk@pbx.example> ; new =\r\n      value ;\r\n  second ; q = 0.33\r\n\r\n'
)


def test_blanks_and_folds_may_stand_everywhere():
    message = parse_message(BLANKS_EVERYWHERE)

    assert (message.to.uri, message.to.tag) == ("sip:kiosk@pbx.example", "19a")
    assert (message.from_.display, message.from_.tag) == ('K L \\"', "98b")
    assert (message.cseq.number, message.headers.first("Subject")) == (9, "")
    assert [(via.transport, via.sent_by, via.branch) for via in message.via] == [
        ("UDP", "192.0.2.2", "390b"), ("TCP", "hop.example", "z9hG4bK9i"), ("UDP", "192.0.2.9", "z9hG4bK302"),
    ]  # fmt: skip
    (contact,) = message.contacts
    assert (contact.display, contact.params.get("new"), contact.params.get("q")) == ('Quoted ""', "value", "0.33")
    assert "second" in contact.params
    assert parse_message(write_message(message)).via == message.via


def test_unusual_but_allowed_characters_are_taken():  # 3.1.1.2
    method = "!odd-Method0123456789_*+`.%indeed'~"
    uri = "sip:1_odd.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@pbx.example"
    text = request(
        'To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_odd@pbx.example>',
        "From: token1~` token2'+_ token3*%!.- <sip:odd@pbx.example>;tag=_token~1'+`*%!-.",
        "Call-ID: odd.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{", f"CSeq: 139 {method}",
        "extensionHeader-!.%*+_`'~: \ufeffhallo",
    ).replace("OPTIONS sip:kiosk@pbx.example", f"{method} {uri}")  # fmt: skip

    message = parse_message(text)

    assert isinstance(message, SipRequest)
    assert (message.method, message.uri) == (method, uri)
    assert (message.to.display, message.from_.tag) == ("BEL:\x07 NUL:\ufffd DEL:\x7f", "_token~1'+`*%!-.")
    assert parse_message(write_message(message)).headers.first("To") == message.headers.first("To")


def test_escapes_in_uris_stay_as_they_are():  # 3.1.1.3, 3.1.1.4
    message = parse_message(request("To: <sip:null-%00-null@pbx.example>", "Contact: <sip:%75se%72@192.0.2.1:5061>"))

    assert (message.to.uri, message.contacts[0].uri) == ("sip:null-%00-null@pbx.example", "sip:%75se%72@192.0.2.1:5061")


def test_percent_is_no_escape_in_a_method_or_a_name():  # 3.1.1.5
    message = parse_message(request("CSeq: 9 RE%47IST%45R", "Z%65: 1").replace("OPTIONS sip", "RE%47IST%45R sip"))

    assert isinstance(message, SipRequest)
    assert (message.method, message.headers.first("Z%65")) == ("RE%47IST%45R", "1")


def test_no_blank_is_needed_between_name_and_bracket():  # 3.1.1.6
    assert parse_message(request("From: desk<sip:desk@pbx.example>;tag=323")).from_.display == "desk"


def test_long_values_are_read_whole():  # 3.1.1.7
    via = ",".join(f"SIP/2.0/TCP hop{n}.example;branch=z9hG4bK{'long' * 20}{n}" for n in range(33))
    message = parse_message(request(
        f'To: "I have a name of {"extreme" * 40} size" <sip:{"user" * 60}@pbx.example>;x={"long" * 60}',
        f"Call-ID: {'longcallid' * 30}", f"Via: {via}", f"unknown{'-long' * 30}: {'value' * 60}",
    ))  # fmt: skip

    assert (len(message.via), len(message.call_id), len(message.to.params.get("x") or "")) == (33, 300, 240)


def test_a_second_message_behind_the_first_one_is_dropped():  # 3.1.1.8
    message = parse_message(request("Content-Length: 0") + request("CSeq: 2 OPTIONS"))

    assert (message.cseq.number, message.body) == (1, "")


def test_a_semicolon_in_a_user_part_is_part_of_it():  # 3.1.1.9
    text = request().replace("sip:kiosk@pbx.example SIP", "sip:user;par=u%40example.net@pbx.example SIP")
    message = parse_message(text)

    assert isinstance(message, SipRequest)
    assert message.uri == "sip:user;par=u%40example.net@pbx.example"


def test_any_transport_may_stand_in_via():  # 3.1.1.10
    lines = [f"SIP/2.0/{kind} host.example;branch=z9hG4bK{kind}" for kind in ("UDP", "SCTP", "TLS", "UNKNOWN", "TCP")]

    assert [via.transport for via in parse_message(request(f"Via: {', '.join(lines)}")).via] == [
        "UDP", "SCTP", "TLS", "UNKNOWN", "TCP",
    ]  # fmt: skip


def test_a_body_may_have_several_binary_parts():  # 3.1.1.11
    head = request("Content-Type: multipart/mixed;boundary=7a9", "Content-Length: 12").encode()
    message = parse_message(head + b"--7a9\x00\x80\xff\r\n--")

    assert message.content_type == "multipart/mixed"


def test_a_phrase_may_have_any_letters_or_none():  # 3.1.1.12, 3.1.1.13
    message = parse_message(response().replace("OK", "= 2**3 * 5**2 но сто девяносто девять - простое"))

    assert isinstance(message, SipResponse)
    assert message.phrase.endswith("простое")
    assert parse_message(response().replace("200 OK", "100 ")).headers.first("Via")


REFUSED = {
    "3.1.2.1 separators without anything between": request("Via: SIP/2.0/UDP 192.0.2.15;;,;,,"),
    "3.1.2.2 a length longer than the body": request("Content-Length: 9999", body="v=0\r\n"),
    "3.1.2.3 a negative length": request("Content-Length: -999", body="v=0\r\n"),
    "3.1.2.4 a number too large, request": request("CSeq: 36893488147419103232 OPTIONS"),
    "3.1.2.5 a number too large, response": response("CSeq: 9292394834772304023312 OPTIONS"),
    "3.1.2.6 quotes that do not end": request('To: "Mr. J. User <sip:j.user@pbx.example>'),
    "3.1.2.7 brackets around the Request-URI": request().replace(
        "sip:kiosk@pbx.example SIP", "<sip:kiosk@pbx.example> SIP"
    ),
    "3.1.2.8 a blank in the Request-URI": request().replace(
        "sip:kiosk@pbx.example SIP", "sip:kiosk@pbx.example; lr SIP"
    ),
    "3.1.2.9 several blanks in the start line": request().replace("OPTIONS sip", "OPTIONS  sip"),
    "3.1.2.10 a blank behind the start line": request().replace("SIP/2.0\r\n", "SIP/2.0 \r\n", 1),
    "3.1.2.13 a Contact that needs brackets": request("Contact: sip:user@pbx.example?Route=%3Csip:sip.example.com%3E"),
    "3.1.2.14 a blank within a URI": request("To: <sip:caller@example.com      >>"),
    "3.1.2.16 another version": request().replace("SIP/2.0\r\n", "SIP/7.0\r\n", 1),
    "3.1.2.17 another method in CSeq": request("CSeq: 8 INVITE"),
    "3.1.2.18 another unknown method in CSeq": request("CSeq: 8 INVITE").replace("OPTIONS sip", "NEWMETHOD sip"),
    "3.1.2.19 a status too large": response().replace("200 OK", "4294967301 better not"),
    "3.3.1 no From, To, Call-ID": without(without(without(request(), "From"), "To"), "Call-ID"),
    "3.3.8 several values where one may stand": request("Call-ID: a").removesuffix("\r\n") + "Call-ID: b\r\n\r\n",
    "3.3.9 several lengths": request("Content-Length: 0").removesuffix("\r\n") + "l: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_invalid_is_refused(text):
    with pytest.raises(ProtocolError):
        parse_message(text)


def test_a_name_that_ought_to_be_quoted_is_understood():  # 3.1.2.15: no other meaning is possible
    message = parse_message(request("From: Bell, Alexander <sip:a.g.bell@pbx.example>;tag=43"))

    assert (message.from_.display, message.from_.tag) == ("Bell, Alexander", "43")


@pytest.mark.parametrize("uri", ["nobodyknows:x", "soap.beep://192.0.2.103:3002", "tel:+1-512-555", "urn:service:sos"])
def test_any_scheme_can_be_read(uri):  # 3.3.2 to 3.3.4
    message = parse_message(request(f"To: <{uri}>").replace("sip:kiosk@pbx.example SIP", f"{uri} SIP"))

    assert isinstance(message, SipRequest)
    assert message.uri == message.to.uri == uri


def test_a_parameter_of_contact_is_not_one_of_its_uri():  # 3.3.13, 3.3.14
    uri = "sip:+19725552222@gw1.example.net"
    bare, bracketed = (parse_message(request(f"Contact: {one}")).contacts[0]
                       for one in (f"{uri};unknownparam", f"<{uri};unknownparam>"))  # fmt: skip

    assert (bare.uri, bracketed.uri) == (uri, f"{uri};unknownparam")
    assert ["unknownparam" in one.params for one in (bare, bracketed)] == [True, False]


def test_a_message_of_the_first_sip_is_read():  # 3.4.1 (RFC 2543): no tag, no branch, no Max-Forwards
    message = parse_message(request("Via: SIP/2.0/UDP iftgw.example", "From: <sip:+1303@iftgw.example>",
                                    "To: sip:+1650@iftgw.example"))  # fmt: skip

    assert (message.from_.tag, message.via[0].branch) == (None, "")
