"""Fixtures of the house's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.house.mqtt import link, part
from agent.house.mqtt.part import MqttPart
from agent.house.mqtt.settings import MqttSettings
from agent.mailbox import Mailbox
from tests.house.stage import Broker, Neighbour, PlayedBox

Join = Callable[..., MqttPart]


@pytest.fixture(autouse=True)
def fresh_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each request have the figures of its moment."""
    monkeypatch.setattr("agent.house.metrics.part.KEPT_S", 0.0)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    yield mailbox
    mailbox.close()


@pytest.fixture
def played() -> PlayedBox:
    return PlayedBox()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def neighbours(broker: Broker, mailbox: Mailbox) -> Iterator[Callable[..., Neighbour]]:
    made: list[Neighbour] = []

    def meet(**how: Any) -> Neighbour:
        made.append(Neighbour(broker, mailbox, **how))
        return made[-1]

    yield meet
    for one in made:
        one.close()


@pytest.fixture
def join(broker: Broker, played: PlayedBox, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Join]:
    """The box at the broker, with these settings; it is quick to try again."""
    monkeypatch.setattr(link, "PAUSES_S", (0.1,))
    monkeypatch.setattr(part, "SETTLED_S", 1.0)
    parts: list[MqttPart] = []

    def begin(**settings: Any) -> MqttPart:
        used = replace(MqttSettings(host="127.0.0.1", port=broker.port), **settings)
        made = MqttPart(used, "gate", played, mailbox.post, played.trouble)
        parts.append(made)
        made.start()
        return made

    yield begin
    for made in parts:
        made.close()
        made.link.join(5.0)
