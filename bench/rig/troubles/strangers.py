"""What strangers do: they send junk to the control socket and to the page, again and again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import gevent

from bench.rig.floods import Flood
from bench.rig.ways_in import unix
from bench.rig.whole_box import WholeBox

JUNK = (b'{"command":"status"}\n', b"\0" * 100, b"[" * 4000 + b"\n", b'{"command":"press","button":7}\n', b"no end ")
GET = b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
REQUESTS = (GET + b"\r\n", GET, GET + b"Authorization: Basic AAAA\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"X: y\r\n")


@contextmanager
def control_junk(box: WholeBox, dice: random.Random) -> Iterator[None]:
    floods = [Flood(unix(box.control_socket), dice.choice(JUNK), again=True) for _ in range(3)]
    gevent.sleep(dice.uniform(0.5, 4))
    yield
    for flood in floods:
        flood.stop()


@contextmanager
def page_junk(box: WholeBox, dice: random.Random) -> Iterator[None]:
    floods = [Flood(box.page, dice.choice(REQUESTS), again=True) for _ in range(3)]
    gevent.sleep(dice.uniform(0.5, 4))
    yield
    for flood in floods:
        flood.stop()
