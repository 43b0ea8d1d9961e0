"""What repeats, and what strangers cause, fills no log."""

from __future__ import annotations

import logging

import pytest

from agent.log import SELDOM_S, FailureLog, SeldomLog, excerpt, harmless, tidy

log = logging.getLogger("agent.test")


class Clock:
    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]


def test_what_a_stranger_causes_is_told_once_a_minute_with_a_count(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    strangers = SeldomLog(log, clock)

    for _ in range(1000):
        strangers.warning("%s knocked", "somebody")
    clock.now += SELDOM_S
    strangers.warning("%s knocked", "another")

    assert said(caplog) == ["somebody knocked", "another knocked (999 more since the last time)"]


def test_each_kind_of_thing_is_told(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    strangers = SeldomLog(log, clock)

    for number in range(10):
        strangers.warning("client %d knocked", number)
        strangers.warning("client %d shouted", number)

    assert said(caplog) == ["client 0 knocked", "client 0 shouted"]


def test_what_is_provoked_through_many_objects_is_told_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(10):
        SeldomLog(log, clock).warning("call %d is crowded", number)
    SeldomLog(logging.getLogger("agent.other"), clock).warning("call %d is crowded", 10)

    assert said(caplog) == ["call 0 is crowded", "call 10 is crowded"]


@pytest.mark.parametrize("test", ["one", "the next"])
def test_what_one_test_provokes_is_told_in_the_next_one_too(test: str, caplog: pytest.LogCaptureFixture) -> None:
    SeldomLog(log).warning("told to %s", test)

    assert said(caplog) == [f"told to {test}"]


def test_what_fails_and_works_in_turn_is_told_once_a_minute(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    failures = FailureLog(log, "dialling", clock)

    for _ in range(100):
        failures.failed("no")
        failures.failed("still no")
        failures.recovered()
        clock.now += 1.0

    assert said(caplog) == [
        "dialling failed: no", "dialling works again after 2 failures",
        "dialling failed: no", "dialling works again after 2 failures",
    ]  # fmt: skip


def test_a_failure_that_lasts_is_told_once_however_long(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    failures = FailureLog(log, "dialling", clock)

    for _ in range(100):
        failures.failed("no")
        clock.now += SELDOM_S

    assert said(caplog) == ["dialling failed: no"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("client:bob", "client:bob"),
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 40 + "…"),
        ("a\nERROR b\r\x1b[31m\x00", "a?ERROR b??[31m?"),
        ("\u202egnp.exe\u2028", "?gnp.exe?"),
        (None, "None"),
        ({"callsid": 1}, "{'callsid': 1}"),
    ],
)
def test_an_excerpt_is_short_and_of_one_line(given: object, shown: str) -> None:
    assert excerpt(given) == shown


def test_a_whole_text_keeps_its_lines_and_nothing_else_that_is_not_printable() -> None:
    assert harmless("one\ntwo\x1b]0;title\x07\r\u2028three\ud800") == "one\ntwo?]0;title???three?"


def test_a_status_is_tidied_to_its_last_leaf() -> None:
    given = {"peer": "a\x1b[2J\nb", "calls": [{"why\x07": ("x\x00", 1.5, None, True)}]}

    assert tidy(given) == {"peer": "a?[2J?b", "calls": [{"why?": ["x?", 1.5, None, True]}]}


def test_reasons_that_others_worded_are_logged_as_one_printable_line(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    FailureLog(log, "dialling", clock).failed(ValueError("bad\x1b[31m\nERROR agent: forged"))
    SeldomLog(log, clock).warning("refused: %s", "x\x9b\ny")

    assert said(caplog) == ["dialling failed: bad?[31m?ERROR agent: forged", "refused: x??y"]
