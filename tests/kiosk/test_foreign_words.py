"""Whatever the service, a caller or a peer writes, nothing but printable text reaches log, status, page or terminal."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.kiosk.call_log import CallRecord
from agent.service.control_client import ControlClient
from agent.service.journal import SafeFormatter
from agent.service.notifier import _one_line
from tests.kiosk.bell_server import ScriptedService, cancel, invite

POISON = "\x1b[2J\x1b]0;owned\x07\r\n12:00:00 ERROR agent.kiosk: forged \u202e\u2028\x9b31m\x00"
BAD_SDP = f"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns={POISON}\r\nt=0 0\r\nm=audio 9 {POISON} 0\r\na=mid:{POISON}\r\n"

WORDS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "a caller's name": [invite(caller=POISON), cancel()],
    "a call's sid": [invite(sid=f"CA{POISON}"), cancel(f"CA{POISON}")],
    "a parameter": [("invite", {"callsid": "CA1", "sdp": BAD_SDP, "parameters": {POISON: POISON, "From": POISON}})],
    "an error": [("error", {"error": {"code": 31000, "message": POISON, "explanation": POISON}})],
    "an error's code": [("error", {"error": {"code": POISON, "message": POISON}})],
    "a refusal": [("error", {"error": {"code": 31204, "message": POISON}})],
    "a hang-up's reason": [invite(), ("hangup", {"callsid": "CA1", "error": {"code": 31000, "message": POISON}})],
    "an error of a call": [invite(), ("error", {"callsid": "CA1", "error": {"code": 53000, "message": POISON}})],
    "a region": [("connected", {"region": POISON, "gateway": POISON, "token": POISON})],
    "a type of message": [(POISON, {POISON: POISON})],
    "a payload that is none": [("ringing", {"callsid": POISON, "sdp": POISON}), ("answer", {"callsid": POISON})],
    "a sign-off": [("offline", {"error": {"message": POISON}}), ("close", {"reason": POISON})],
}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ScriptedService]:
    service = ScriptedService(tmp_path)
    yield service
    service.close()


def texts(value: Any) -> Iterator[str]:
    """Every text in a status."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from texts(list(pair))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from texts(one)


@pytest.mark.parametrize("name", WORDS)
def test_words_of_others_are_printable_wherever_they_are_shown(
    service: ScriptedService, caplog: pytest.LogCaptureFixture, tmp_path: Path, name: str
) -> None:
    caplog.set_level(logging.DEBUG)

    for message in WORDS[name]:
        service.say(message)
        service.settle()

    box = service.box
    assert not [text for text in texts(box.status) if not text.isprintable()]
    with ControlClient(str(tmp_path / "control.sock")) as client:
        assert not [text for text in texts(client.request("status")) if not text.isprintable()]
    own = [record for record in caplog.records if record.name.startswith(("agent", "hw"))]
    assert own
    assert not [record for record in own if not record.getMessage().isprintable()]
    assert not [record for record in own if len(record.getMessage()) > 2000]


def test_an_outgoing_call_refused_with_foreign_words_shows_none_of_them(
    service: ScriptedService, caplog: pytest.LogCaptureFixture
) -> None:
    box = service.box
    box.act("call")
    line = box.kiosk.lines.current
    assert line is not None
    sid = line.connection.parameters.get("CallSid", "")

    service.say(("hangup", {"callsid": sid, "error": {"code": 31404, "message": POISON}}))
    service.say(("error", {"callsid": sid, "error": {"code": 31404, "message": POISON}}))
    service.settle()

    assert all(text.isprintable() for text in texts(box.status))
    own = [record for record in caplog.records if record.name.startswith(("agent", "hw"))]
    assert not [record for record in own if not record.getMessage().isprintable()]


def test_systemd_is_told_one_printable_line_of_bounded_length() -> None:
    assert _one_line(POISON).isprintable()
    assert len(_one_line("x" * 100_000)) < 2000


def test_what_is_logged_by_an_exception_is_printable_too() -> None:
    handler = logging.StreamHandler(stream := io.StringIO())
    handler.setFormatter(SafeFormatter("%(message)s"))
    try:
        json.loads(f'{{"{POISON}": }}')
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "%s", (f"{error}{POISON}",), (type(error), error, None))
        handler.emit(record)

    assert all(line.isprintable() for line in stream.getvalue().splitlines())


def test_a_list_of_calls_keeps_what_others_wrote_as_they_wrote_it() -> None:
    """Only what is shown is made safe: patterns of callers are compared with the true name."""
    assert CallRecord("incoming", POISON, 0.0).peer == POISON
