"""What others send cannot flood the log, nor write lines of its own into it."""

from __future__ import annotations

import logging

import pytest

from agent.log import Seldom, excerpt


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


def test_each_message_is_logged_once_a_minute_with_a_count(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    seldom = Seldom(logging.getLogger("test"), lambda: now)

    for second in range(0, 130, 10):
        now = float(second)
        seldom.warning("somebody knocks: %s", f"caller {second}")
    seldom.warning("something else")

    assert [record.getMessage() for record in caplog.records] == [
        "somebody knocks: caller 0",
        "somebody knocks: caller 60 (and 5 more like it since the last such line)",
        "somebody knocks: caller 120 (and 5 more like it since the last such line)",
        "something else",
    ]
