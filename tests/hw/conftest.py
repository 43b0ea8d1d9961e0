"""What the tests of the panel share: a virtual board, and a way from any thread to the hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest

from hw.panel.pins import Pins, open_factory


@pytest.fixture
def pins() -> Iterator[Pins]:
    board = open_factory("mock")
    yield board
    board.close()


@pytest.fixture
def post() -> Callable[..., None]:
    loop: Any = gevent.get_hub().loop
    return lambda fn, *args: loop.run_callback_threadsafe(fn, *args)
