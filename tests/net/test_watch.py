"""The watch of the network: who watches is told of each change, and the process listens to the kernel once."""

from __future__ import annotations

import gevent
import pytest
from gevent.event import Event

from agent.net.netlink import NetworkChange
from agent.net.watch import KernelListener, NetworkWatch
from tests.net.netlink import listening_sockets

PATIENCE_S = 30.0


def change(number: int) -> NetworkChange:
    return NetworkChange(frozenset([f"10.0.0.{number}"]), frozenset(), False)


class Heard:
    """What a watch was told; `blocks` keeps it busy with the first change."""

    def __init__(self, expected: int, blocks: Event | None = None, fails: bool = False) -> None:
        self.changes: list[NetworkChange] = []
        self.all = Event()
        self._expected, self._blocks, self._fails = expected, blocks, fails

    def __call__(self, change: NetworkChange) -> None:
        self.changes.append(change)
        if len(self.changes) == self._expected:
            self.all.set()
        if self._fails:
            raise ValueError("cannot deal with it")
        if self._blocks is not None:
            self._blocks.wait(PATIENCE_S)


def test_each_change_is_told_in_its_order() -> None:
    heard = Heard(3)
    watch = NetworkWatch(heard)

    for number in range(3):
        watch.tell(change(number))

    assert heard.all.wait(PATIENCE_S)
    assert heard.changes == [change(number) for number in range(3)]


def test_one_that_is_busy_delays_nobody_else_and_misses_nothing() -> None:
    release = Event()
    busy, free = Heard(2, blocks=release), Heard(2)
    watches = [NetworkWatch(busy), NetworkWatch(free)]

    for number in range(2):
        for watch in watches:
            watch.tell(change(number))

    assert free.all.wait(PATIENCE_S)
    assert len(busy.changes) == 1
    release.set()
    assert busy.all.wait(PATIENCE_S)


def test_one_that_fails_is_told_of_the_next_change(caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard(2, fails=True)
    watch = NetworkWatch(heard)

    watch.tell(change(1))
    watch.tell(change(2))

    assert heard.all.wait(PATIENCE_S)
    assert "could not be dealt with" in caplog.text


def test_one_that_was_closed_hears_nothing_more() -> None:
    heard = Heard(1)
    watch = NetworkWatch(heard)

    watch.tell(change(1))
    watch.close()
    watch.close()

    assert not heard.all.wait(0.05)


def test_many_watches_listen_to_the_kernel_once_and_none_at_all_once_they_are_closed() -> None:
    before, listener = listening_sockets(), KernelListener()
    watches = [NetworkWatch(Heard(1)) for _ in range(4)]

    for watch in watches:
        listener.join(watch)
        listener.join(watch)
        assert len(listening_sockets() - before) == 1
    for watch in watches:
        assert len(listening_sockets() - before) == 1
        listener.leave(watch)
        listener.leave(watch)

    with gevent.Timeout(PATIENCE_S):
        while listening_sockets() - before:
            gevent.sleep(0.01)


def test_the_first_watch_after_the_last_was_closed_listens_again() -> None:
    before, listener = listening_sockets(), KernelListener()
    first, second = NetworkWatch(Heard(1)), NetworkWatch(Heard(1))
    listener.join(first)
    listener.leave(first)

    listener.join(second)
    gevent.sleep(0)

    assert len(listening_sockets() - before) == 1
    listener.leave(second)
