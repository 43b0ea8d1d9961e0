"""What happens to the disks: they are full, or can only be read."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import gevent

from bench.rig.troubles.trouble import Trouble
from bench.rig.whole_box import WholeBox


def harmed(begin: str, end: str) -> Trouble:
    @contextmanager
    def trouble(box: WholeBox, dice: random.Random) -> Iterator[None]:
        disks = dice.choice([[box.state], [box.run], [box.run, box.state]])
        for disk in disks:
            getattr(box.walls, begin)(disk)
        if dice.random() < 0.5:
            box.service.send(signal.SIGKILL)
        box.press("echo")
        gevent.sleep(dice.uniform(0.5, 4))
        yield
        for disk in disks:
            getattr(box.walls, end)(disk)

    return trouble
