"""Handlers of a program: none of them holds up, or ends, whoever emits; and timers that ring in their order."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import gevent
import pytest
from gevent.event import Event

from agent.handlers import MAX_WAITING, HubEmitter, call_handler
from agent.hub_clock import HubClock
from agent.mailbox import Mailbox


class OwnError(BaseException):
    """Not an Exception, like gevent.Timeout."""


def until(happened: Callable[[], object]) -> None:
    """Let the hub run until it has happened."""
    with gevent.Timeout(30, AssertionError("it did not come about")):
        while not happened():
            gevent.sleep(0.001)


def run_to_the_end(emitter: HubEmitter) -> gevent.Greenlet[..., Any]:
    """Emit from a greenlet of its own, as a reader of a socket does."""
    reader = gevent.spawn(emitter.emit, "event", 1)
    reader.join(timeout=5)
    return reader


def test_listeners_that_return_are_called_one_after_the_other_before_emit_returns() -> None:
    emitter, told = HubEmitter(), []
    for name in "abc":
        emitter.on("event", lambda value, name=name: told.append((name, value)))

    emitter.emit("event", 1)

    assert told == [("a", 1), ("b", 1), ("c", 1)]


@pytest.mark.parametrize("error", [ValueError, gevent.Timeout, OwnError, StopIteration, GeneratorExit])
def test_whatever_a_listener_raises_is_logged_once_and_goes_no_further(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    emitter, told = HubEmitter(), []

    def fail(_value: int) -> None:
        raise error

    emitter.on("event", fail)
    emitter.on("event", told.append)

    assert run_to_the_end(emitter).successful()
    assert told == [1]
    assert len(caplog.records) == 1 and "fail" in caplog.text


@pytest.mark.parametrize("emits_in", ["a greenlet", "the hub"])
def test_a_listener_that_waits_holds_up_nobody(emits_in: str) -> None:
    emitter, told, gate = HubEmitter(), [], Event()

    def wait(value: int) -> None:
        gate.wait()
        told.append(("waited", value))

    emitter.on("event", wait)
    emitter.on("event", lambda value: told.append(("next", value)))

    if emits_in == "a greenlet":
        assert run_to_the_end(emitter).successful()
    else:
        with Mailbox() as mailbox:
            mailbox.post(emitter.emit, "event", 1)
            until(lambda: told)
    assert told == [("next", 1)]

    gate.set()
    gevent.sleep(0)
    assert told == [("next", 1), ("waited", 1)]


@pytest.mark.parametrize("goes_on", [True, False], ids=["while it waits", "after it has returned"])
def test_a_time_limit_left_running_by_a_listener_ends_nobody_else(
    goes_on: bool, caplog: pytest.LogCaptureFixture
) -> None:
    emitter, read = HubEmitter(), []

    def limited(_value: int) -> None:
        gevent.Timeout.start_new(0.01)
        if goes_on:
            gevent.sleep(5)

    def reader() -> None:
        emitter.emit("event", 1)
        gevent.sleep(0.05)
        read.append("went on")

    emitter.on("event", limited)
    gevent.spawn(reader).join(timeout=5)

    assert read == ["went on"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * goes_on


def test_a_reader_that_is_ended_while_a_listener_waits_leaves_the_listener_be() -> None:
    emitter, told, gate = HubEmitter(), [], Event()
    reader: gevent.Greenlet[..., Any] | None = None

    def wait(value: int) -> None:
        assert reader is not None
        reader.kill(block=False)
        gate.wait()
        told.append(value)

    emitter.on("event", wait)
    reader = gevent.spawn(emitter.emit, "event", 1)
    reader.join()
    gate.set()
    gevent.sleep(0)

    assert told == [1]


def test_a_listener_may_end_the_program() -> None:
    with pytest.raises(SystemExit):
        call_handler("a handler", lambda: (_ for _ in ()).throw(SystemExit(3)))


def test_more_listeners_than_can_wait_are_not_called(caplog: pytest.LogCaptureFixture) -> None:
    emitter, gate, called, left = HubEmitter(), Event(), [], []
    emitter.on("event", lambda n: (called.append(n), gate.wait(), left.append(n)))

    for n in range(MAX_WAITING + 5):
        emitter.emit("event", n)
    gate.set()
    until(lambda: len(left) == MAX_WAITING)
    emitter.emit("event", -1)

    assert called == [*range(MAX_WAITING), -1]
    assert len(caplog.records) == 1


def test_a_listener_that_is_not_there_can_be_removed() -> None:
    emitter = HubEmitter()
    emitter.remove_listener("event", print)
    emitter.once("event", print)
    emitter.remove_listener("event", print)
    emitter.remove_listener("event", print)

    assert not emitter.emit("event")


@pytest.mark.parametrize("delays_s", [[0.0] * 9, [0.003] * 40, [0.0, 0.004, 0.0, 0.002, 0.0, 0.004], [-1.0, 0.0, -5.0]])
def test_timers_ring_in_the_order_of_their_times_and_of_their_making(delays_s: list[float]) -> None:
    clock, rung = HubClock(), []
    for n, delay_s in enumerate(delays_s):
        clock.call_later(delay_s, rung.append, n)
    until(lambda: len(rung) == len(delays_s))

    assert rung == sorted(range(len(delays_s)), key=lambda n: (max(0.0, delays_s[n]), n))


def test_a_timer_that_waits_or_fails_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    clock, rung = HubClock(), []

    def fail() -> None:
        raise gevent.Timeout(1)

    clock.call_later(0, gevent.sleep, 5)
    clock.call_later(0, fail)
    clock.call_later(0, rung.append, "next")
    until(lambda: rung and caplog.records)

    assert rung == ["next"]
    assert len(caplog.records) == 1


def cancel_first(timers: list[Any]) -> None:
    timers[0].cancel()


def cancel_all_but_the_last(timers: list[Any]) -> None:
    for timer in timers[:-1]:
        timer.cancel()
        timer.cancel()


@pytest.mark.parametrize(("cancel", "left"), [(cancel_first, [1, 2, 3]), (cancel_all_but_the_last, [3])])
def test_a_cancelled_timer_does_not_ring_and_others_do(cancel: Callable[[list[Any]], None], left: list[int]) -> None:
    clock, rung = HubClock(), []
    timers = [clock.call_later(0.002, rung.append, n) for n in range(4)]
    cancel(timers)
    until(lambda: left[-1] in rung)  # by then each of the others has had its time

    assert rung == left


def test_a_timer_may_cancel_one_of_the_same_time() -> None:
    clock, rung = HubClock(), []
    timers: list[Any] = []
    timers.append(clock.call_later(0, lambda: timers[1].cancel()))
    timers.append(clock.call_later(0, rung.append, "cancelled"))
    timers.append(clock.call_later(0, rung.append, "next"))
    until(lambda: "next" in rung)

    assert rung == ["next"]


def test_a_letter_that_fails_does_not_keep_the_others_back(caplog: pytest.LogCaptureFixture) -> None:
    read: list[int] = []

    def fail() -> None:
        raise gevent.Timeout(1)

    with Mailbox() as mailbox:
        for letter in (fail, lambda: read.append(1), fail, lambda: read.append(2)):
            mailbox.post(letter)
        until(lambda: len(read) == 2)

    assert read == [1, 2]
    assert len(caplog.records) == 2
