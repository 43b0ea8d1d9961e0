"""A loop that takes turns lets everything else on the hub run, however much it has to do."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
import pytest
from gevent import socket

from agent.errors import OversizeError
from agent.mailbox import Mailbox
from agent.net.turns import Turns, fair_file

STEPS = 10


@contextmanager
def a_timer(served: Callable[[], None]) -> Iterator[Callable[[], None]]:
    yield lambda: gevent.spawn_later(0.0001, served)


@contextmanager
def a_signal(served: Callable[[], None]) -> Iterator[Callable[[], None]]:
    watcher = gevent.signal_handler(signal.SIGUSR1, served)
    yield lambda: os.kill(os.getpid(), signal.SIGUSR1)
    watcher.cancel()


@contextmanager
def a_socket(served: Callable[[], None]) -> Iterator[Callable[[], None]]:
    ours, theirs = socket.socketpair()

    def read() -> None:
        ours.recv(1)
        served()

    with ours, theirs:
        reader = gevent.spawn(read)
        yield lambda: theirs.send(b"x")
        reader.kill()


@contextmanager
def another_thread(served: Callable[[], None]) -> Iterator[Callable[[], None]]:
    mailbox = Mailbox()

    def post() -> None:
        thread = threading.Thread(target=mailbox.post, args=(served,))
        thread.start()
        thread.join()

    yield post
    mailbox.close()


@pytest.mark.parametrize("other", [a_timer, a_signal, a_socket, another_thread])
@pytest.mark.parametrize("busy", [1, 3])
def test_a_loop_that_never_rests_serves_what_comes_within_a_few_turns(other: Callable[..., object], busy: int) -> None:
    steps, served_at = [0], []

    def loop() -> None:
        turns = Turns(STEPS)
        while steps[0] < 100 * STEPS:
            steps[0] += 1
            turns.step()

    with other(lambda: served_at.append(steps[0])) as call:  # type: ignore[attr-defined]
        loops = [gevent.spawn(loop) for _ in range(busy)]
        while steps[0] < 10 * STEPS:
            gevent.sleep(0)
        called_at = steps[0]
        call()
        gevent.joinall(loops)

    assert len(served_at) == 1
    assert served_at[0] - called_at <= 3 * busy * STEPS


def test_a_costly_step_ends_the_turn() -> None:
    turns, ran = Turns(STEPS), []
    gevent.spawn(ran.append, True)

    turns.step(STEPS - 1)
    assert not ran
    turns.step()
    assert ran


def test_a_file_that_takes_turns_reads_no_more_than_was_allowed() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, fair_file(ours, most_bytes=10_000) as file:
        writer = gevent.spawn(theirs.sendall, b"line\n" * 100_000)
        with pytest.raises(OversizeError):
            while file.readline():
                pass
        writer.kill()
