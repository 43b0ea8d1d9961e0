"""What the self-test says of a PBX, edge by edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.config import Config
from agent.doctor import Outcome, all_checks, as_text, needs, run
from agent.errors import AgentError
from agent.media.bridge import Bridge
from agent.signaling.sip.secret import read_secret
from hw.sound.wav_sound import WavSound
from tests.kiosk.pbx_stage import Pbx, foreign_words, several
from tests.signaling.sip.edge import SECRETS


@pytest.fixture
def make_pbx(tmp_path: Path) -> Iterator[Callable[..., Pbx]]:
    with several(tmp_path) as make:
        yield make


@pytest.fixture
def pbx(make_pbx: Callable[..., Pbx]) -> Pbx:
    return make_pbx()


def lines(config: Config, bridge: Bridge) -> dict[str, Any]:
    config = replace(config, sound=replace(config.sound, driver="none"))
    tests = all_checks(config, lambda: read_secret(config.sip, config.box.identity), WavSound, lambda: bridge)
    found = {check.name: check for check in run(tests, needs=needs(config))}
    assert foreign_words(*map(as_text, found.values())) == []
    assert not any(secret in as_text(check) for secret in SECRETS.values() for check in found.values())
    return found


def test_a_pbx_that_is_well_is_told_line_by_line(pbx: Pbx, bridge: Bridge) -> None:
    found = lines(pbx.config(), bridge)

    names = ["dns", "server", "websocket", "password", "registration", "media"]
    assert {found[name].outcome for name in names} == {Outcome.OK}
    assert "certificate good for" in found["tls"].detail  # for a day, which is a warning
    assert "sip:kiosk@pbx.test is registered" in found["registration"].detail


def test_the_registration_of_a_box_that_runs_is_left_alone(pbx: Pbx, bridge: Bridge) -> None:
    box = pbx.box()
    before = [each.instance for each in pbx.edge.boxes("kiosk")]

    assert lines(pbx.config(), bridge)["registration"].outcome is Outcome.OK
    box.until(lambda: [each.instance for each in pbx.edge.boxes("kiosk")] == before, "as it was")
    assert "ready" in box.states


def test_other_phones_of_the_same_user_are_told_of(pbx: Pbx, bridge: Bridge) -> None:
    pbx.box()
    assert "of this user" not in lines(pbx.config(), bridge)["registration"].detail
    pbx.phone("kiosk", instance="2b9a4a1e-7d55-4f6e-9d8b-0d6f4d3f9c11")

    assert "and ring 1 other phone of this user, too" in lines(pbx.config(), bridge)["registration"].detail


def test_a_wrong_password_fails_in_the_line_of_the_registration(pbx: Pbx, bridge: Bridge) -> None:
    found = lines(pbx.config(secret="wrong-words"), bridge)

    assert found["password"].outcome is Outcome.OK
    assert found["registration"].outcome is Outcome.FAILED
    assert "Check user, domain and secret in [sip]" in found["registration"].detail
    assert found["media"].outcome is Outcome.SKIPPED


def test_a_password_that_cannot_be_had_stops_the_registration(pbx: Pbx, bridge: Bridge) -> None:
    found = lines(pbx.config(secret_command=("false",)), bridge)

    assert "ended with status 1" in found["password"].detail
    assert found["registration"].outcome is Outcome.SKIPPED


def test_an_edge_without_the_sub_protocol_fails_in_its_own_line(pbx: Pbx, bridge: Bridge) -> None:
    pbx.edge.subprotocols = None

    found = lines(pbx.config(), bridge)

    assert "certificate good for" in found["tls"].detail
    assert "does not speak the sub-protocol sip" in found["websocket"].detail
    assert found["registration"].outcome is Outcome.SKIPPED


def test_a_certificate_that_does_not_verify_names_the_setting(pbx: Pbx, bridge: Bridge) -> None:
    config = pbx.config()

    found = lines(replace(config, signaling=replace(config.signaling, ca_file="")), bridge)

    assert found["tls"].outcome is Outcome.FAILED
    assert found["tls"].remedy == "check signaling.ca_file and the name in sip.edges"


def test_nobody_at_an_edge_names_the_pbx(pbx: Pbx, bridge: Bridge) -> None:
    pbx.edge.kill()

    found = lines(pbx.config(), bridge)

    assert "start the PBX there, or correct sip.edges" in found["server"].remedy


def test_each_edge_has_its_lines_and_one_that_works_is_enough(make_pbx: Callable[..., Pbx], bridge: Bridge) -> None:
    pbx = make_pbx(edges=2)
    pbx.edges[1].kill()

    found = lines(pbx.config(), bridge)

    assert found["server"].outcome is Outcome.OK
    assert found["server 2"].outcome is Outcome.FAILED
    assert found["websocket 2"].outcome is Outcome.SKIPPED
    assert found["registration"].outcome is Outcome.OK


def test_reading_a_password_names_no_argument_of_its_command(pbx: Pbx) -> None:
    with pytest.raises(AgentError) as caught:
        read_secret(pbx.config(secret_command=("sh", "-c", "exit 3 # hidden-words")).sip, "kiosk")

    assert "hidden-words" not in str(caught.value)
