"""Who is warned of what, and how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agent.voice import deprecated

from .conftest import World

USES = {
    "cancel()": lambda world: world.rings().cancel(),
    "unmute()": lambda world: world.rings().unmute(),
    "region()": lambda world: world.device.region(),
}


@pytest.fixture(autouse=True)
def nobody_was_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deprecated, "_warned", set())


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "deprecated" in record.getMessage()]


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_deprecated_method_warns_each_time(
    world: World, use: Callable[[World], Any], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        use(world)

    assert len(warnings_of(caplog)) == 3


@pytest.mark.parametrize("register", [lambda world: world.device.ready(print),
                                      lambda world: world.device.connect(print),
                                      lambda world: world.rings().accept(print),
                                      lambda world: world.rings().error(print)])  # fmt: skip
def test_a_registration_warns_once(
    world: World, register: Callable[[World], Any], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        register(world)

    assert len(warnings_of(caplog)) == 1


def test_a_silent_device_silences_no_other(make_world: Callable[..., World], caplog: pytest.LogCaptureFixture) -> None:
    silent, loud = make_world(warnings=False), make_world()
    silent.device.region()
    silent.device.ready(print)
    silent.rings().cancel()
    assert warnings_of(caplog) == []

    loud.device.region()
    loud.device.ready(print)
    loud.rings().cancel()
    assert len(warnings_of(caplog)) == 3


def test_a_second_set_up_may_silence_the_warnings_and_wake_them(world: World, caplog: pytest.LogCaptureFixture) -> None:
    call = world.rings()
    world.device.setup("a-token", warnings=False)
    world.device.region()
    call.unmute()
    assert warnings_of(caplog) == []

    world.device.setup("a-token", warnings=True)
    world.device.region()
    call.unmute()
    assert len(warnings_of(caplog)) == 2
