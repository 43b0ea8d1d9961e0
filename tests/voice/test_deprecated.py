"""What will go is said, with what to use instead."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from agent.voice.deprecated import deprecated

from .conftest import World


def test_a_program_is_told_what_to_use_instead(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "agent.voice"):
        deprecated("Thing.old()", "Thing.better()")

    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert said == [("WARNING", "Thing.old() is deprecated; use Thing.better()")]


def test_a_device_that_is_to_be_silent_says_nothing_of_it(
    make_world: Callable[..., World], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "agent.voice")
    world = make_world(warnings=False)

    world.device.offline(lambda device: None)

    assert [record for record in caplog.records if record.name.startswith("agent.voice")] == []
