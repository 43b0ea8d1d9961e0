"""What happens to the network: a socket is cut, packets are swallowed, links come and go, names have no answer."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import gevent

from bench.rig.troubles.trouble import Trouble
from bench.rig.whole_box import WholeBox


@contextmanager
def cut(box: WholeBox, dice: random.Random) -> Iterator[None]:
    for _ in range(dice.randrange(1, 4)):
        box.cut_socket()
        gevent.sleep(dice.uniform(0, 0.5))
    yield


@contextmanager
def black_hole(box: WholeBox, dice: random.Random) -> Iterator[None]:
    box.network.block("wlan", "far")
    gevent.sleep(dice.uniform(1, 25))
    yield
    box.network.unblock("wlan", "far")


@contextmanager
def flaps(box: WholeBox, dice: random.Random) -> Iterator[None]:
    """The link goes and comes, or another takes its place, up to thirty times."""
    for _ in range(30 if dice.random() < 0.1 else dice.randrange(1, 6)):
        here, there = ("wlan", "eth") if dice.random() < 0.3 else ("wlan", "wlan")
        box.network.unplug(here)
        gevent.sleep(dice.uniform(0, 0.5))
        box.network.plug(there)
        gevent.sleep(dice.uniform(0, 0.5))
        if there == "eth":
            box.network.unplug(there)
            box.network.plug(here)
    box.network.unplug("wlan")
    yield
    box.network.plug("wlan")


def names(mood: str) -> Trouble:
    @contextmanager
    def trouble(box: WholeBox, dice: random.Random) -> Iterator[None]:
        box.names.mood = mood  # type: ignore[assignment]
        if dice.random() < 0.5:
            box.service.send(signal.SIGKILL)
        else:
            box.cut_socket()
        gevent.sleep(dice.uniform(1, 20 if mood == "silent" else 6))
        yield
        box.names.mood = "answers"

    return trouble
