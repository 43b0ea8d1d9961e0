"""An exception in a listener, a timer or a child is somebody's trouble: it has a name, a light, a line, and an end."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace

import pytest

from agent.kiosk.faults import FaultLight
from tests.kiosk.stage import Box, Site

BROKEN_PEM = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("content", [b"no PEM at all", b"", BROKEN_PEM])
def test_a_ca_file_that_holds_no_certificate_is_told_and_the_box_works_once_it_does(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    monkeypatch.setattr("agent.kiosk.registration.SET_UP_AGAIN_S", 0.1)
    ca_file = site.folder / "ca.pem"
    ca_file.write_bytes(content)
    config = site.config()

    box = site.box(replace(config, signaling=replace(config.signaling, ca_file=str(ca_file))), ready=False)

    box.until_shows("error", "offline")
    assert "booting" not in box.states
    box.until(lambda: "ca_file" in box.status["troubles"].get("settings", ""), "named ca_file")
    told = [record for record in caplog.records if record.levelno == logging.WARNING and "set" in record.getMessage()]
    assert any("ca_file" in record.getMessage() for record in told)
    assert len([record for record in told if record.name.endswith("registration")]) <= 1

    shutil.copy(site.switchboard.ca_file, ca_file)
    box.until_shows("ready")
    box.until(lambda: not box.status["troubles"], "over the trouble")


def test_an_identity_that_nobody_can_have_is_a_trouble_and_no_endless_boot(site: Site) -> None:
    config = site.config()

    box = site.box(replace(config, box=replace(config.box, identity="")), ready=False)

    box.until_shows("error", "offline")
    assert "booting" not in box.states
    assert "a token needs an identity" in box.status["troubles"]["token"]


def test_an_authority_of_the_token_address_that_is_no_pem_is_a_trouble(site: Site) -> None:
    (site.folder / "bad.pem").write_text("no PEM")
    config = site.config()
    token = replace(config.token, key_file="", url="https://127.0.0.1:9/", url_ca_file=str(site.folder / "bad.pem"))

    box = site.box(replace(config, token=token), ready=False)

    box.until_shows("error", "offline")
    assert "holds no certificate" in box.status["troubles"]["token"]


def test_a_listener_that_fails_lights_the_error_light_for_a_while(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.kiosk.faults.SHOWN_S", 0.3)

    def broken(*_: object) -> None:
        raise RuntimeError("bad\x1b[31m")

    box.kiosk.device.on("nothing special", broken)
    box.kiosk.device.emit("nothing special")

    box.until_shows("error")
    why = box.status["troubles"]["program"]
    assert "an internal fault (RuntimeError): a listener of Device failed" in why
    assert why.isprintable()
    box.until(lambda: not box.status["troubles"], "over it")


def test_a_call_posted_from_another_thread_that_fails_is_a_trouble(box: Box) -> None:
    def broken() -> None:
        raise KeyError("x")

    box.kiosk.mailbox.post(broken)

    box.until_shows("error")
    assert "KeyError" in box.status["troubles"]["program"]


def test_a_stopped_box_listens_to_the_log_no_more(site: Site) -> None:
    box = site.box()
    listeners = [handler for handler in logging.getLogger("agent").handlers if isinstance(handler, FaultLight)]
    assert box.kiosk.faults in listeners

    box.close()

    assert box.kiosk.faults not in logging.getLogger("agent").handlers
