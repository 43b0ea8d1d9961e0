"""What happens to the switchboard: it ends, hangs, starts anew, and others answer in its place."""

from __future__ import annotations

import random
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import gevent

from bench.rig.board import Board
from bench.rig.flooding_server import FloodingServer
from bench.rig.whole_box import FAR, WholeBox

GARBAGE = (b"\xff" * 7, b"\x81\x01x", b"\x81\x7e\x10\x00" + b"[" * 4096, b"\x82\x05\0\1\2\3\4", b"\x88\x02\x03\xe8")


@contextmanager
def killed(box: WholeBox, dice: random.Random) -> Iterator[None]:
    box.board.kill()
    gevent.sleep(dice.uniform(0, 5))
    yield
    box.board.start()


@contextmanager
def stopped(box: WholeBox, dice: random.Random) -> Iterator[None]:
    box.board.send(signal.SIGSTOP)
    if dice.random() < 0.5:
        box.cut_socket()  # and the next one is never greeted
    gevent.sleep(dice.uniform(1, 25))
    yield
    box.board.send(signal.SIGCONT)


@contextmanager
def signaling_restarted(box: WholeBox, dice: random.Random) -> Iterator[None]:
    if dice.random() < 0.5:
        (box.board.folder / "server.pem").unlink()  # another certificate of the same authority
    box.board.send(signal.SIGHUP)
    yield


@contextmanager
def garbage(box: WholeBox, dice: random.Random) -> Iterator[None]:
    """Something else listens there, with the right certificate."""
    box.board.kill()
    identity = box.board.folder / "server.pem"
    with box.network.inside("far"):
        listener = socket.create_server((FAR, box.board.port))
    with closing(FloodingServer(identity, identity, dice.choice(GARBAGE), listener=listener)):
        gevent.sleep(dice.uniform(1, 6))
        yield
    box.board.start()


@contextmanager
def impostor(box: WholeBox, dice: random.Random) -> Iterator[None]:
    """A switchboard of another authority answers at its address."""
    box.board.kill()
    other = Board(box.folder / "impostor", FAR, around=box.network.command("far"), names=box.board.names)
    other.port = box.board.port
    with closing(other):
        other.start()
        gevent.sleep(dice.uniform(1, 6))
        yield
    box.board.start()
