"""What happens to the sound: its server ends or hangs, the card is pulled out."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import gevent

from bench.rig.whole_box import WholeBox


@contextmanager
def server_killed(box: WholeBox, dice: random.Random) -> Iterator[None]:
    box.room.cards.kill()
    gevent.sleep(dice.uniform(0, 4))
    yield
    box.room.start()


@contextmanager
def server_stopped(box: WholeBox, dice: random.Random) -> Iterator[None]:
    box.room.cards.wedge()
    gevent.sleep(dice.choice([dice.uniform(0.5, 8), 35.0]) if dice.random() < 0.2 else dice.uniform(0.5, 8))
    yield
    box.room.cards.unwedge()


@contextmanager
def card_pulled(box: WholeBox, dice: random.Random) -> Iterator[None]:
    box.room.cards.unplug()
    gevent.sleep(dice.uniform(0, 4))
    yield
    box.room.cards.plug()
    box.room.hum()
