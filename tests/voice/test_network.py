"""What a change of the network means for signaling and for the path of a call."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import gevent
import gevent.socket
import pytest

from agent.media.stats import CandidateInfo
from agent.net import watch as network
from agent.net.netlink import NetworkChange
from agent.net.watch import way_after
from bench.rig.floods import LONGEST_S
from bench.rig.turn import Turn

from .conftest import World

HERE, THERE = "127.0.0.1", "127.0.0.5"


def change(removed: str = "", routes_changed: bool = False) -> NetworkChange:
    return NetworkChange(frozenset(), frozenset([removed] if removed else []), routes_changed)


def test_a_path_whose_own_address_is_gone_is_harmed() -> None:
    assert way_after(change(removed=HERE), HERE, THERE) == (True, True)


def test_a_path_that_the_kernel_would_take_again_is_not() -> None:
    assert way_after(change(removed="10.0.0.1", routes_changed=True), HERE, THERE) == (False, True)


def test_a_path_that_the_kernel_would_no_longer_take_is_harmed() -> None:
    assert way_after(change(routes_changed=True), "10.1.2.3", THERE).harmed


def test_a_path_of_which_nothing_is_known_counts_as_harmed() -> None:
    assert way_after(change(), None, None) == (True, True)


@pytest.mark.parametrize("news", [b"news", b"news" * 1000])
def test_news_without_end_are_looked_at_all_the_same(monkeypatch: pytest.MonkeyPatch, news: bytes) -> None:
    turn, over = Turn(), threading.Event()
    monkeypatch.setattr(network, "SETTLE_S", LONGEST_S)  # the teller may have to wait for its turn on this machine
    monkeypatch.setattr(network, "_receive", turn.counted(network._receive))
    ours, theirs = gevent.socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def tell() -> None:
        until = time.monotonic() + LONGEST_S
        with socket.socket(fileno=os.dup(theirs.fileno())) as native:
            while not over.is_set() and time.monotonic() < until:
                with suppress(BlockingIOError):
                    native.send(news)

    teller = threading.Thread(target=tell)
    with ours, theirs:
        teller.start()
        with gevent.Timeout(LONGEST_S / 2, AssertionError("it never looks")):
            network._drain(ours)
        over.set()
        teller.join()
    turn.close()

    assert turn.total > 1
    assert turn.most <= 2 * network.NEWS_A_TURN


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    world = make_world(enable_ice_restart=True)
    world.talks()
    pair = (CandidateInfo("host", address, 4_000, 1, "udp") for address in (HERE, THERE))
    world.session.emit("selected_pair", *pair)
    world.forget()
    return world


def test_a_call_that_the_change_leaves_alone_is_left_alone(world: World) -> None:
    world.device.network_changed(change(removed="10.0.0.1"))
    world.run(1)

    assert (world.events, world.stream.changes_of_network) == ([], 1)


def test_a_call_that_lost_its_address_is_restarted(world: World) -> None:
    world.device.network_changed(change(removed=HERE))
    world.run(0.01)

    assert world.stream.sent() == ["reinvite"]


SCRIPT = """
import subprocess, gevent
from gevent.event import Event
from agent.net.watch import NetworkWatch
def ip(*words): subprocess.run(("ip", *words), check=True)
seen, arrived = [], Event()
watch = NetworkWatch(lambda change: (seen.append(change), arrived.set()))
ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
ip("link", "set", "v1", "up")
ip("link", "set", "v0", "up")
watch.start()
gevent.sleep(0.1)
ip("address", "add", "10.9.9.1/24", "dev", "v0")
assert arrived.wait(5)
print(*seen[0].added)
watch.close()
"""


@pytest.mark.netns
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root and network namespaces")
def test_a_new_address_is_noticed() -> None:
    done = subprocess.run(
        ["unshare", "-n", sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.stdout.strip(), done.returncode) == ("10.9.9.1", 0), done.stderr
