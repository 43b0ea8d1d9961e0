"""Frames of both generations: what is written, what is read, what is refused (spec: signaling 3, 7, 8, 11)."""

from __future__ import annotations

import pytest

from agent.errors import InvalidArgumentError, ProtocolError
from agent.signaling.pstream import payloads
from agent.signaling.pstream.generation import FIRST, SECOND
from agent.signaling.pstream.messages import MAX_DEPTH, MAX_FRAME_CHARS, Dialect, Payload, frame, parse

SDP = "v=0\r\n"


def read(text: str) -> Payload:
    """What the client makes of a frame of the server."""
    return payloads.read_server(parse(text))


@pytest.mark.parametrize(
    ("type_", "payload", "text"),
    [
        ("register", payloads.register(True), '{"media":{"audio":true}}'),
        (
            "invite",
            payloads.first_invite(SDP, "TJS1", False, "To=bob&x=1"),
            '{"callsid":"TJS1","sdp":"v=0\\r\\n","preflight":false,"twilio":{"params":"To=bob&x=1"}}',
        ),
        (
            "invite",
            payloads.first_invite(SDP, "TJS1", True, ""),
            '{"callsid":"TJS1","sdp":"v=0\\r\\n","preflight":true,"twilio":{}}',
        ),
        ("answer", payloads.describe(SDP, "CA1"), '{"sdp":"v=0\\r\\n","callsid":"CA1"}'),
        ("reinvite", payloads.describe(SDP, "CA1"), '{"sdp":"v=0\\r\\n","callsid":"CA1"}'),
        ("dtmf", payloads.dtmf("CA1", "12w#"), '{"callsid":"CA1","dtmf":"12w#"}'),
        ("dtmf", payloads.dtmf(None, "1"), '{"dtmf":"1"}'),
        ("hangup", payloads.hangup("CA1", None), '{"callsid":"CA1"}'),
        ("hangup", payloads.hangup("CA1", ""), '{"callsid":"CA1"}'),
        ("hangup", payloads.hangup("CA1", "gone"), '{"callsid":"CA1","message":"gone"}'),
        ("reject", payloads.reject("CA1"), '{"callsid":"CA1"}'),
        ("reject", payloads.reject(None), "{}"),
        ("foo", {"a": None}, '{"a":null}'),
    ],
)
def test_a_frame_has_its_members_in_the_seed_s_order(type_, payload, text):
    assert frame(type_, payload) == f'{{"type":"{type_}","version":"1.5","payload":{text}}}'


def test_a_frame_without_a_payload_leaves_it_out():
    assert frame("foo", None) == '{"type":"foo","version":"1.5"}'


def test_listen_names_the_client():
    payload = FIRST.listen("token", FIRST.browserinfo(FIRST.sdk_version), 0)
    assert list(payload) == ["token", "browserinfo"]
    assert list(payload["browserinfo"]) == ["p", "v", "browser", "plugin"]
    assert payload["browserinfo"]["v"] == "1.15.1"


@pytest.mark.parametrize(
    ("type_", "payload", "text"),
    [
        ("listen", SECOND.listen("t", {"p": "b"}, 30), '{"browserinfo":{"p":"b"},"reconnectTimeout":30,"token":"t"}'),
        ("invite", SECOND.invite("v=0", "TJ", True, "a=b"), '{"callsid":"TJ","sdp":"v=0","twilio":{"params":"a=b"}}'),
        ("invite", SECOND.invite("v=0", "TJS1", False, ""), '{"callsid":"TJS1","sdp":"v=0","twilio":{}}'),
        ("invite", payloads.reconnect("v=0", "CA1", "R"), '{"callsid":"CA1","reconnect":"R","sdp":"v=0","twilio":{}}'),
        (
            "message",
            payloads.message("CA1", {"hello": 1}, "application/json", "user-defined-message", "KX1"),
            '{"callsid":"CA1","content":{"hello":1},"contenttype":"application/json",'
            '"messagetype":"user-defined-message","voiceeventsid":"KX1"}',
        ),
    ],
)  # fmt: skip
def test_a_frame_of_the_second_generation_has_its_members_in_the_order_of_the_recordings(type_, payload, text):
    assert frame(type_, payload, SECOND.dialect) == f'{{"payload":{text},"type":"{type_}","version":"1.6"}}'


def test_the_second_generation_names_the_client_in_an_order_of_its_own():
    told = SECOND.browserinfo(SECOND.sdk_version)
    assert list(told) == ["browser", "p", "plugin", "v"]
    assert list(told["browser"]) == ["platform", "userAgent"]
    assert told["v"] == "2.18.5"


@pytest.mark.parametrize(
    ("limit_ms", "told_s"), [(-1, 0), (0, 0), (1, 1), (1_000, 1), (1_001, 2), (29_999, 30), (30_000, 30), (1e9, 30)]
)
def test_the_server_hears_in_whole_seconds_how_long_a_call_waits(limit_ms, told_s):
    assert payloads.reconnect_timeout_s(limit_ms) == told_s


def test_text_outside_ascii_is_not_escaped_but_half_characters_are():
    assert frame("foo", {"a": "ü我\x7f\u2028\x01\ud800"}).endswith('{"a":"ü我\x7f\u2028\\u0001\\ud800"}}')


def test_a_frame_of_the_server_is_its_type_and_its_payload():
    message = parse('{"type":"answer","version":"1.5","payload":{"callsid":"CA1","sdp":"v=0","more":[1]}}')
    assert (message.type, message.payload) == ("answer", {"callsid": "CA1", "sdp": "v=0", "more": [1]})


@pytest.mark.parametrize(
    "text", ['{"type":"ready"}', '{"type":"ready","payload":null}', '{"type":"ready","payload":{}}']
)
def test_a_missing_payload_is_an_empty_one(text):
    assert read(text) == {}


def test_null_members_count_as_missing():
    assert read('{"type":"hangup","payload":{"callsid":null,"error":null}}') == {}


def test_a_location_of_the_wrong_type_is_left_out():
    assert read('{"type":"connected","payload":{"region":5,"gateway":"g"}}') == {"gateway": "g"}


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ('{"home":5,"edge":{},"reconnect":[],"voiceeventsid":1,"contenttype":true,"content":5}', {"content": 5}),
        ('{"token":"x"}', {"token": {}}),
        ('{"token":{"identity":5,"ttl":"60"}}', {"token": {}}),
        ('{"token":{"identity":null,"ttl":true}}', {"token": {}}),
        ('{"token":{"identity":"a","ttl":59.5}}', {"token": {"identity": "a", "ttl": 59.5}}),
    ],
)
def test_what_the_second_generation_may_not_mean_is_left_out(told, left):
    assert read(f'{{"type":"connected","payload":{told}}}') == left


def test_call_parameters_are_strings():
    text = '{"type":"invite","payload":{"parameters":{"From":"a","n":5,"b":true,"o":{},"l":[],"z":null}}}'
    assert read(text)["parameters"] == {"From": "a", "n": "5", "b": "true"}


@pytest.mark.parametrize("error", ['"x"', "[]", '{"code":"1"}', '{"code":1.5}', '{"code":true}', '{"message":{}}'])
def test_a_hang_up_whose_reason_cannot_be_read_is_still_a_hang_up(error):
    assert read(f'{{"type":"hangup","payload":{{"callsid":"CA1","error":{error}}}}}') == {"callsid": "CA1", "error": {}}


@pytest.mark.parametrize("error", ["null", "false", "0", '""'])
def test_what_javascript_takes_for_nothing_is_no_reason(error):
    assert read(f'{{"type":"hangup","payload":{{"callsid":"CA1","error":{error}}}}}') == {"callsid": "CA1"}


def test_of_a_reason_the_part_that_can_be_read_is_kept():
    assert read('{"type":"error","payload":{"error":{"code":"1","message":"m","x":1}}}') == {
        "error": {"message": "m", "x": 1}
    }


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        "",
        "x",
        "{",
        "[]",
        "null",
        "{}",
        '{"type":null}',
        '{"type":5}',
        '{"type":"invite","payload":[]}',
        '{"type":"invite","payload":"x"}',
        '{"type":"invite","payload":{"callsid":5}}',
        '{"type":"invite","payload":{"sdp":{}}}',
        '{"type":"invite","payload":{"parameters":"x"}}',
        '{"type":"ready","payload":{"x":NaN}}',
        '{"type":"ready","payload":{"x":[-Infinity]}}',
        '{"type":"ready","payload":{"x":1e999}}',
        '{"type":"ready","payload":{"x":-1e999}}',
        '{"type":"ready","x":Infinity}',
        '{"type":"ready","payload":{"\\udc00":1}}',
        '{"type":"ready","payload":{"x":"\udc00"}}',
        '{"type":"ready","payload":{"x":"\\ud800"}}',
        '{"type":"ready","payload":' + '{"a":' * 20 + "1" + "}" * 21,
        "[" * 100_000,
        '{"type":"ready","payload":{"n":[' + "[]," * 5_000 + "1]}}",
        '{"type":"ready","payload":{"n":' + "1" * 5000 + "}}",
        '{"type":"ready","x":"' + "x" * MAX_FRAME_CHARS + '"}',
    ],
)
def test_a_frame_that_makes_no_sense_is_refused_without_being_quoted(data):
    with pytest.raises(ProtocolError) as caught:
        parse(data)
    assert len(str(caught.value)) < 100


def test_an_error_that_says_nothing_is_refused():
    with pytest.raises(ProtocolError):
        read('{"type":"error","payload":{"error":"x"}}')


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        (Dialect.V1, '{"type":"ready","version":"1.5","payload":{}}'),
        (Dialect.V2, '{"payload":{},"type":"ready","version":"1.6"}'),
    ],
)
def test_each_dialect_has_its_order_of_members(dialect, text):
    assert frame("ready", {}, dialect) == text
    assert parse(text).dialect is dialect


@pytest.mark.parametrize("version", ["null", '""', '"x"', '"1"', "1.5", "[]", '"1.5.1"'])
def test_an_odd_version_is_taken_for_the_first_generation(version):
    assert parse(f'{{"type":"listen","version":{version}}}').dialect is Dialect.V1


def nested(levels: int) -> Payload:
    return {"a": nested(levels - 1)} if levels > 1 else {}


def test_what_is_as_deep_as_it_may_be_is_written_and_read():
    deepest = nested(MAX_DEPTH - 1)  # the envelope is one more
    assert parse(frame("x", deepest)).payload == deepest
    with pytest.raises(InvalidArgumentError, match="nested deeper"):
        frame("x", {"a": deepest})


def test_what_is_as_long_as_it_may_be_is_written_and_read():
    room = MAX_FRAME_CHARS - len(frame("x", {"a": ""}))
    assert parse(frame("x", {"a": "ü" * room})).payload == {"a": "ü" * room}
    with pytest.raises(InvalidArgumentError, match="more than"):
        frame("x", {"a": "ü" * (room + 1)})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")], {"a": float("nan")}, {1, 2}, b"x"])
def test_what_no_far_end_could_read_is_not_written(value):
    with pytest.raises(InvalidArgumentError, match="'x' cannot be sent"):
        frame("x", {"a": value})


def test_a_number_as_large_as_a_double_is_read_and_written():
    text = '{"type":"x","version":"1.5","payload":{"a":1.7976931348623157e+308}}'
    assert frame("x", parse(text).payload) == text


def test_members_are_read_with_their_types():
    message = parse('{"type":"listen","payload":{"token":"t","media":{"audio":true},"n":5,"z":null}}')
    assert message.text("token") == "t"
    assert message.table("media") == {"audio": True}
    assert message.table("missing") == message.table("z") == {}
    for wrong in (lambda: message.text("n"), lambda: message.text("z"), lambda: message.text("missing"),
                  lambda: message.text("token", limit=0), lambda: message.table("n")):  # fmt: skip
        with pytest.raises(ProtocolError, match="listen"):
            wrong()
