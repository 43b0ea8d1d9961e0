"""What happens to the box itself and to what it is given: an end, too little of something, a torn file, old token."""

from __future__ import annotations

import random
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import gevent

from bench.rig.troubles.trouble import Trouble
from bench.rig.whole_box import WholeBox

MB = 1 << 20


def die(number: signal.Signals) -> Trouble:
    @contextmanager
    def trouble(box: WholeBox, _dice: random.Random) -> Iterator[None]:
        lives = len(box.service.statuses)
        box.service.send(number)
        yield
        box.until(lambda: len(box.service.statuses) > lives, 10)

    return trouble


@contextmanager
def stop(box: WholeBox, dice: random.Random) -> Iterator[None]:
    box.service.send(signal.SIGSTOP)
    gevent.sleep(dice.uniform(0.5, 12))
    yield
    box.service.send(signal.SIGCONT)


@contextmanager
def _little(box: WholeBox, dice: random.Random, kind: int, limit: int) -> Iterator[None]:
    """Give the box no more than `limit` of something, whichever of its lives it is in."""
    pid = box.service.pid
    before = resource.prlimit(pid, kind)
    resource.prlimit(pid, kind, (limit, before[1]))
    try:
        gevent.sleep(dice.uniform(1, 4))
        yield
    finally:
        with suppress(ProcessLookupError):  # it ended of it
            resource.prlimit(pid, kind, before)


@contextmanager
def no_memory(box: WholeBox, dice: random.Random) -> Iterator[None]:
    pages = int(Path(f"/proc/{box.service.pid}/statm").read_text().split()[0])
    left = int(2 * MB * max(0.0, dice.uniform(-1, 1)))
    with _little(box, dice, resource.RLIMIT_AS, pages * resource.getpagesize() + left):
        box.press("hangup")
        box.press("echo")
        yield


@contextmanager
def no_files(box: WholeBox, dice: random.Random) -> Iterator[None]:
    opened = len(list(Path(f"/proc/{box.service.pid}/fd").iterdir()))
    with _little(box, dice, resource.RLIMIT_NOFILE, opened + dice.randrange(3)):
        box.cut_socket()
        box.press("echo")
        yield


@contextmanager
def torn_authority(box: WholeBox, dice: random.Random) -> Iterator[None]:
    """The box's file of the authority is torn, and whole again later."""
    path = box.folder / "ca.pem"
    path.write_bytes(path.read_bytes()[: dice.randrange(200)])
    box.cut_socket()
    if dice.random() < 0.5:
        box.service.send(signal.SIGKILL)
    gevent.sleep(dice.uniform(1, 5))
    yield
    box.trust(box.board)


@contextmanager
def token_expired(box: WholeBox, dice: random.Random) -> Iterator[None]:
    box.give_token(1)
    if dice.random() < 0.5:
        gevent.sleep(2)
        box.service.send(signal.SIGKILL)
    else:
        gevent.sleep(dice.uniform(11, 15))  # the file is looked at each 10 s
        box.cut_socket()
    gevent.sleep(dice.uniform(0, 5))
    yield
    box.give_token()
