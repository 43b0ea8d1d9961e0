"""What can happen to a box: each trouble begins, lasts, and is over, in the place where it happens in the field."""

from __future__ import annotations

import random
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

import gevent

from bench.rig.board import Board
from bench.rig.flooding_server import FloodingServer
from bench.rig.floods import Flood
from bench.rig.ways_in import unix
from bench.rig.whole_box import FAR, WholeBox

Trouble = Callable[[WholeBox, random.Random], AbstractContextManager[None]]

MB = 1 << 20
GARBAGE = (b"\xff" * 7, b"\x81\x01x", b"\x81\x7e\x10\x00" + b"[" * 4096, b"\x82\x05\0\1\2\3\4", b"\x88\x02\x03\xe8")
JUNK = (b'{"command":"status"}\n', b"\0" * 100, b"[" * 4000 + b"\n", b'{"command":"press","button":7}\n', b"no end ")
GET = b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
REQUESTS = (GET + b"\r\n", GET, GET + b"Authorization: Basic AAAA\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"X: y\r\n")


def _die(number: signal.Signals) -> Trouble:
    @contextmanager
    def trouble(box: WholeBox, _dice: random.Random) -> Iterator[None]:
        lives = len(box.service.statuses)
        box.service.send(number)
        yield
        box.until(lambda: len(box.service.statuses) > lives, 10)

    return trouble


@contextmanager
def _stop(box: WholeBox, dice: random.Random) -> Iterator[None]:
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
def _no_memory(box: WholeBox, dice: random.Random) -> Iterator[None]:
    pages = int(Path(f"/proc/{box.service.pid}/statm").read_text().split()[0])
    left = int(2 * MB * max(0.0, dice.uniform(-1, 1)))
    with _little(box, dice, resource.RLIMIT_AS, pages * resource.getpagesize() + left):
        box.press("hangup")
        box.press("echo")
        yield


@contextmanager
def _no_files(box: WholeBox, dice: random.Random) -> Iterator[None]:
    opened = len(list(Path(f"/proc/{box.service.pid}/fd").iterdir()))
    with _little(box, dice, resource.RLIMIT_NOFILE, opened + dice.randrange(3)):
        box.cut_socket()
        box.press("echo")
        yield


# Sound


@contextmanager
def _sound_killed(box: WholeBox, dice: random.Random) -> Iterator[None]:
    box.room.cards.kill()
    gevent.sleep(dice.uniform(0, 4))
    yield
    box.room.start()


@contextmanager
def _sound_stopped(box: WholeBox, dice: random.Random) -> Iterator[None]:
    box.room.cards.wedge()
    gevent.sleep(dice.choice([dice.uniform(0.5, 8), 35.0]) if dice.random() < 0.2 else dice.uniform(0.5, 8))
    yield
    box.room.cards.unwedge()


@contextmanager
def _card_pulled(box: WholeBox, dice: random.Random) -> Iterator[None]:
    box.room.cards.unplug()
    gevent.sleep(dice.uniform(0, 4))
    yield
    box.room.cards.plug()
    box.room.hum()


# The switchboard


@contextmanager
def _board_killed(box: WholeBox, dice: random.Random) -> Iterator[None]:
    box.board.kill()
    gevent.sleep(dice.uniform(0, 5))
    yield
    box.board.start()


@contextmanager
def _board_stopped(box: WholeBox, dice: random.Random) -> Iterator[None]:
    box.board.send(signal.SIGSTOP)
    if dice.random() < 0.5:
        box.cut_socket()  # and the next one is never greeted
    gevent.sleep(dice.uniform(1, 25))
    yield
    box.board.send(signal.SIGCONT)


@contextmanager
def _board_restarts(box: WholeBox, dice: random.Random) -> Iterator[None]:
    if dice.random() < 0.5:
        (box.board.folder / "server.pem").unlink()  # another certificate of the same authority
    box.board.send(signal.SIGHUP)
    yield


@contextmanager
def _garbage(box: WholeBox, dice: random.Random) -> Iterator[None]:
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
def _impostor(box: WholeBox, dice: random.Random) -> Iterator[None]:
    """A switchboard of another authority answers at its address."""
    box.board.kill()
    other = Board(box.folder / "impostor", FAR, around=box.network.command("far"), names=box.board.names)
    other.port = box.board.port
    with closing(other):
        other.start()
        gevent.sleep(dice.uniform(1, 6))
        yield
    box.board.start()


@contextmanager
def _authority_changed(box: WholeBox, dice: random.Random) -> Iterator[None]:
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
def _token_expired(box: WholeBox, dice: random.Random) -> Iterator[None]:
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


# The network


@contextmanager
def _cut(box: WholeBox, dice: random.Random) -> Iterator[None]:
    for _ in range(dice.randrange(1, 4)):
        box.cut_socket()
        gevent.sleep(dice.uniform(0, 0.5))
    yield


@contextmanager
def _black_hole(box: WholeBox, dice: random.Random) -> Iterator[None]:
    box.network.block("wlan", "far")
    gevent.sleep(dice.uniform(1, 25))
    yield
    box.network.unblock("wlan", "far")


@contextmanager
def _flaps(box: WholeBox, dice: random.Random) -> Iterator[None]:
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


def _names(mood: str) -> Trouble:
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


# Disks and strangers


def _disks(begin: str, end: str) -> Trouble:
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


@contextmanager
def _control_junk(box: WholeBox, dice: random.Random) -> Iterator[None]:
    floods = [Flood(unix(box.control_socket), dice.choice(JUNK), again=True) for _ in range(3)]
    gevent.sleep(dice.uniform(0.5, 4))
    yield
    for flood in floods:
        flood.stop()


@contextmanager
def _page_junk(box: WholeBox, dice: random.Random) -> Iterator[None]:
    floods = [Flood(box.page, dice.choice(REQUESTS), again=True) for _ in range(3)]
    gevent.sleep(dice.uniform(0.5, 4))
    yield
    for flood in floods:
        flood.stop()


TROUBLES: dict[str, Trouble] = {
    "box: killed": _die(signal.SIGKILL),
    "box: segmentation fault": _die(signal.SIGSEGV),
    "box: stopped": _stop,
    "box: no memory": _no_memory,
    "box: no file descriptors": _no_files,
    "sound server: killed": _sound_killed,
    "sound server: stopped": _sound_stopped,
    "sound card: pulled out": _card_pulled,
    "switchboard: killed": _board_killed,
    "switchboard: stopped": _board_stopped,
    "switchboard: signaling restarted": _board_restarts,
    "switchboard: garbage": _garbage,
    "switchboard: another authority": _impostor,
    "box: torn ca_file": _authority_changed,
    "token: expired": _token_expired,
    "network: socket cut": _cut,
    "network: packets swallowed": _black_hole,
    "network: link flaps": _flaps,
    "names: silent": _names("silent"),
    "names: refused": _names("refuses"),
    "disk: full": _disks("fill", "empty"),
    "disk: read-only": _disks("forbid", "allow"),
    "control socket: junk": _control_junk,
    "page: junk": _page_junk,
}
