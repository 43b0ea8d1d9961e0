"""What the log says of a voice service that cannot be reached."""

from __future__ import annotations

import pytest

from tests.signaling.conftest import Phone


def test_a_service_that_cannot_be_reached_is_warned_about_once(caplog: pytest.LogCaptureFixture) -> None:
    box = Phone(["wss://127.0.0.1:1/signal"])
    box.stream.open()

    box.wait_for("transport_close")
    box.wait_for("transport_close")
    box.stream.destroy()

    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "Cannot connect to 127.0.0.1" in warnings[0]
