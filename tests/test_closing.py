"""What has to be closed is a context manager, so that nobody forgets to."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import agent
import hw
from agent.closing import AsyncClosing, Closing
from agent.signaling.pstream.link import Link
from agent.voice.digits import DigitSender
from agent.voice.recovery_policy import Recovery

NEEDS_MORE = {DigitSender, Link, Recovery}  # without I/O or clock: `close` takes the time, and holds nothing open


def modules() -> Iterator[str]:
    for package in (agent, hw):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield found.name


def closable() -> list[type]:
    """Every public class with a `close` of its own that can be called as it is."""
    found = {
        thing for name in modules() for thing in vars(importlib.import_module(name)).values()
        if inspect.isclass(thing) and thing.__module__ == name and not thing.__name__.startswith("_")
        and "close" in vars(thing) and not getattr(thing, "_is_protocol", False)
    }  # fmt: skip
    return sorted(found - NEEDS_MORE, key=lambda thing: f"{thing.__module__}.{thing.__qualname__}")


def needs_arguments(thing: type) -> bool:
    parameters = list(inspect.signature(vars(thing)["close"]).parameters.values())[1:]
    return any(parameter.default is parameter.empty for parameter in parameters)


@pytest.mark.parametrize("thing", closable(), ids=lambda thing: f"{thing.__module__}.{thing.__name__}")
def test_a_class_with_close_is_a_context_manager(thing: type) -> None:
    if inspect.iscoroutinefunction(vars(thing)["close"]):
        assert needs_arguments(thing) or hasattr(thing, "__aexit__"), "give it the base AsyncClosing"
    else:
        assert not needs_arguments(thing), "let `close` be called as it is, or say in NEEDS_MORE why not"
        assert hasattr(thing, "__exit__"), "give it the base Closing"


def test_most_classes_with_close_are_found() -> None:
    assert len(closable()) > 40


class Door(Closing):
    is_shut = False

    def close(self) -> None:
        self.is_shut = True


class SlowDoor(AsyncClosing):
    is_shut = False

    async def close(self) -> None:
        self.is_shut = True


def test_the_end_of_a_with_closes_whatever_happened() -> None:
    with pytest.raises(KeyError), Door() as door:
        raise KeyError("inside")

    assert door.is_shut


def test_the_end_of_an_async_with_closes_whatever_happened() -> None:
    async def story() -> SlowDoor:
        with pytest.raises(KeyError):
            async with SlowDoor() as door:
                raise KeyError("inside")
        return door

    assert asyncio.run(story()).is_shut
