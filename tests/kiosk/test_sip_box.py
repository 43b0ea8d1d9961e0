"""A box at a PBX: called, calling, refused, changed in a call; it speaks of nothing that it has nothing to do with."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.kiosk.kiosk import Kiosk
from agent.kiosk.reload import Reload
from hw.panel.settings import LightSettings
from tests.kiosk.pbx_stage import DESK, Pbx, foreign_words, several
from tests.kiosk.stage import BOX_HZ, VISITOR_HZ
from tests.signaling.sip.edge import SECRETS


@pytest.fixture
def make_pbx(tmp_path: Path) -> Iterator[Callable[..., Pbx]]:
    with several(tmp_path) as make:
        yield make


@pytest.fixture
def pbx(make_pbx: Callable[..., Pbx]) -> Pbx:
    return make_pbx()


class SettingsInMemory:
    """A file of settings whose content a test changes."""

    def __init__(self, config: Any) -> None:
        self.config = config

    def load(self) -> Any:
        return self.config


def reload_of(kiosk: Kiosk, config: Any, begin_anew: Callable[[], None] = lambda: None) -> dict[str, list[str]]:
    settings: Any = SettingsInMemory(config)
    return Reload(kiosk, settings, begin_anew).now()


def test_a_box_is_called_talks_and_tells_of_no_other_service(pbx: Pbx, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    box, phone = pbx.box(), pbx.phone()

    phone.dial()
    box.until_shows("ringing")
    box.act("accept")
    box.until_hears(VISITOR_HZ)
    phone.until_hears(BOX_HZ)
    status = json.dumps(box.kiosk._status())
    phone.calls[-1].disconnect()
    box.until_calm()

    assert box.last_call["outcome"] == "answered" and box.last_call["peer"] == "sip:desk@pbx.test"
    told = [record.getMessage() for record in caplog.records if record.name.startswith(("agent", "hw"))]
    assert foreign_words(*told, *box.story, status, json.dumps(box.kiosk._status())) == []
    assert not any(secret in text for secret in SECRETS.values() for text in (*told, status))


@pytest.mark.parametrize("name", ["call", "uri"])
def test_a_button_calls_a_user_or_a_uri(pbx: Pbx, name: str) -> None:
    box, phone = pbx.box(), pbx.phone()

    box.act(name)
    phone.until_told("incoming")
    assert phone.calls[-1].custom_parameters == ({"Room": "lobby"} if name == "call" else {})
    phone.calls[-1].accept()
    box.until_shows("in_call")
    box.act("hangup")
    phone.until_told("disconnect")


def test_who_calls_a_box_that_talks_hears_that_it_is_busy(pbx: Pbx) -> None:
    box, phone = pbx.box(), pbx.phone()
    phone.dial()
    box.until_shows("ringing")
    box.act("accept")
    box.until_shows("in_call")

    other = pbx.phone("große tür")
    other.dial()

    other.until_told("disconnect")
    assert 486 in pbx.edge.statuses("INVITE")
    assert "in_call" in box.states


def test_who_is_not_wanted_now_does_not_hear_it_ring_on(pbx: Pbx) -> None:
    config = pbx.config()
    answering = replace(config.answering, do_not_disturb=True, disturbing_calls="ignore")
    box, phone = pbx.box(replace(config, answering=answering)), pbx.phone()

    phone.dial()

    phone.until_told("disconnect")
    assert 480 in pbx.edge.statuses("INVITE")
    assert "ringing" not in box.states


@pytest.mark.parametrize(
    ("status", "word"), [(486, "busy"), (480, "unanswered"), (603, "rejected"), (487, "not taken")]
)
def test_a_call_that_nobody_takes_there_is_told_as_such(pbx: Pbx, status: int, word: str) -> None:
    pbx.site.refuses["INVITE"] = (status, "No")
    box = pbx.box()

    box.act("call")

    box.until(lambda: box.status["recent_calls"], "ended")
    box.until_calm()
    assert box.last_call["outcome"] == word


def test_a_refusal_is_of_all_phones_or_of_this_one_alone(pbx: Pbx) -> None:
    box, phone = pbx.box(pbx.config(reject_with=486)), pbx.phone()

    phone.dial()
    box.until_shows("ringing")
    box.act("reject")

    phone.until_told("disconnect")
    assert pbx.edge.statuses("INVITE")[-1] == 486


def test_two_boxes_that_dial_each_other_talk(pbx: Pbx) -> None:
    box, phone = pbx.box(), pbx.phone()
    pbx.site.plays["nobody"] = lambda request, back: None

    box.act("call")
    phone.until_told("incoming")
    phone.dial()

    box.until_shows("in_call")
    box.until(lambda: box.kiosk.lines.current and box.kiosk.lines.current.incoming, "took the other call")


def test_a_wrong_password_is_told_once_and_taken_again_when_its_file_is_corrected(
    pbx: Pbx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agent.signaling.sip.secret_source.BEAT_S", 0.05)
    password = tmp_path / "password"
    password.write_text("wrong-words\n")

    box = pbx.box(pbx.config(secret_file=str(password)), ready=False)

    box.until(lambda: "account" in box.status["troubles"], "told the refusal")
    assert "Check user, domain and secret in [sip]" in box.status["troubles"]["account"]
    assert {"error", "offline"} <= box.states and len(pbx.edge.requests("REGISTER")) == 2
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len([record for record in told if "registering at the PBX" in record.getMessage()]) == 1
    assert foreign_words(*box.story, json.dumps(box.status), *(record.getMessage() for record in told)) == []

    password.write_text(f"{SECRETS['kiosk']}\n")
    box.until_shows("ready")
    box.until(lambda: not box.status["troubles"], "over the trouble")
    assert "wrong-words" not in caplog.text + json.dumps(box.status)


def test_without_a_password_the_box_says_why(pbx: Pbx, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("")

    box = pbx.box(pbx.config(secret_file=str(tmp_path / "password")), ready=False)

    box.until_shows("error", "offline")
    assert "holds nothing" in box.status["troubles"]["password"]
    assert pbx.edge.requests("REGISTER") == []


def test_an_edge_that_does_not_speak_sip_is_told_in_plain_words(pbx: Pbx) -> None:
    pbx.edge.subprotocols = None

    box = pbx.box(ready=False)

    box.until(lambda: "does not speak the sub-protocol sip" in box.status["service"]["reason"], "told the reason")
    assert foreign_words(json.dumps(box.kiosk._status()), *box.story) == []


def test_an_edge_whose_certificate_does_not_verify_is_told(pbx: Pbx) -> None:
    config = pbx.config()

    box = pbx.box(replace(config, signaling=replace(config.signaling, ca_file="")), ready=False)

    box.until(lambda: "certificate" in box.status["service"]["reason"], "told the reason")
    assert pbx.edge.requests("REGISTER") == []


def test_a_call_that_the_far_end_holds_shows(pbx: Pbx) -> None:
    config = pbx.config()
    lights = {**config.lights, "hold": LightSettings(pin=9, held="blink 500/500")}
    box, phone = pbx.box(replace(config, lights=lights)), pbx.phone()
    phone.dial()
    box.until_shows("ringing")
    box.act("accept")
    box.until_shows("in_call")

    box.kiosk.lines.current.connection.inbox.on_hold(True)
    box.until_shows("held", "in_call")
    assert box.status["lights"]["hold"]["state"] == "held"
    box.kiosk.lines.current.connection.inbox.on_hold(False)
    box.until(lambda: "held" not in box.states, "went on")


def test_a_name_and_a_password_change_in_a_call_and_edges_after_it(pbx: Pbx) -> None:
    box, phone = pbx.box(), pbx.phone()
    phone.dial()
    box.until_shows("ringing")
    box.act("accept")
    box.until_shows("in_call")
    begun: list[bool] = []

    done = reload_of(box.kiosk, pbx.config(display_name="Front door", edges=(pbx.edge.uri, "wss://127.0.0.9/ws")),
                     lambda: begun.append(True))  # fmt: skip

    assert done == {"applied": ["sip.display_name"], "waits": ["sip.edges"]}
    box.until(lambda: '"Front door"' in pbx.edge.requests("REGISTER")[-1].get("From"), "registered by its new name")
    assert "in_call" in box.states and not begun
    phone.calls[-1].disconnect()
    box.until(lambda: begun, "began anew")


def test_whom_to_believe_changes_in_a_call_but_waits_for_the_edges_that_it_is_said_of(pbx: Pbx) -> None:
    box, phone = pbx.box(), pbx.phone()
    phone.dial()
    box.until_shows("ringing")
    box.act("accept")
    box.until_shows("in_call")

    done = reload_of(box.kiosk, pbx.config(trusted_edges=(pbx.edge.uri,)))
    assert done == {"applied": ["sip.trusted_edges"], "waits": []}
    other = "wss://127.0.0.9/ws"
    done = reload_of(box.kiosk, pbx.config(edges=(other,), trusted_edges=(other,)))
    assert done["applied"] == [] and set(done["waits"]) == {"sip.edges", "sip.trusted_edges"}


def test_a_change_to_another_protocol_waits_with_all_that_belongs_to_it(pbx: Pbx) -> None:
    box = pbx.box()
    config = pbx.config(secret="another")

    done = reload_of(box.kiosk, replace(config, signaling=replace(config.signaling, protocol="pstream")))

    assert done["applied"] == []
    assert set(done["waits"]) == {"signaling.protocol", "sip.secret"}


def test_two_edges_are_kept_and_one_may_go(make_pbx: Callable[..., Pbx]) -> None:
    pbx = make_pbx(edges=2)
    box, phone = pbx.box(), pbx.phone()
    box.until(lambda: len(pbx.edge.boxes("kiosk")) == 2, "was registered at both")

    pbx.edges[1].kill()
    phone.until(lambda: len(pbx.edge.boxes("kiosk")) == 1, "lost one edge")
    phone.dial()

    box.until_shows("ringing", "ready")
    assert phone.calls[-1].custom_parameters["To"] == "kiosk"


def test_no_part_of_the_box_looks_after_tokens(pbx: Pbx) -> None:
    box = pbx.box()

    assert box.kiosk.device.token == ""
    assert foreign_words(*box.kiosk.supervisor.status()) == []
    assert pbx.edge.boxes(DESK) == []
