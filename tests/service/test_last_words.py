"""What nobody caught is in the log, printable, and lights the error light."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from gevent.event import Event

from agent.kiosk.faults import FaultLight
from agent.mailbox import Mailbox
from agent.service.journal import SafeFormatter
from agent.service.last_words import log_what_nobody_caught

BAD = "bad\x1b[2J\nforged"


@pytest.fixture
def told() -> Iterator[list[str]]:
    """The troubles that are told, with everything taken into the log."""
    hub, before = gevent.get_hub(), (threading.excepthook, sys.unraisablehook, sys.excepthook)
    stream = hub.exception_stream
    troubles: list[str] = []
    log_what_nobody_caught()
    with Mailbox() as mailbox, FaultLight(mailbox.post, troubles.append) as light:
        light.open()
        yield troubles
    threading.excepthook, sys.unraisablehook, sys.excepthook = before
    hub.exception_stream = stream


def until(troubles: list[str]) -> str:
    with gevent.Timeout(20, AssertionError("no trouble was told")):
        while not troubles:
            gevent.sleep(0.01)
    return troubles[0]


def test_a_greenlet_that_fails_is_somebodys_trouble(
    told: list[str], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ValueError(BAD)

    gevent.spawn(broken).join()

    assert until(told).isprintable()
    assert "failed with ValueError" in told[0]
    assert any("in broken" in record.getMessage() for record in caplog.records)
    assert capsys.readouterr().err == ""


def test_the_failure_that_ends_the_program_is_in_the_log_and_forges_no_line(told: list[str], tmp_path: Path) -> None:
    with (tmp_path / "log").open("w+") as stream:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(SafeFormatter("%(name)s: %(message)s"))
        logging.getLogger().addHandler(handler)
        try:
            raise ValueError(BAD)
        except ValueError as error:
            sys.excepthook(ValueError, error, error.__traceback__)
        logging.getLogger().removeHandler(handler)
        stream.seek(0)
        first, *more = stream.read().splitlines()

    assert first == "agent.service.last_words: the program failed"
    assert all(line.startswith("  ") and line.isprintable() for line in more)


def test_a_thread_that_fails_is_somebodys_trouble(told: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise KeyError(BAD)

    thread = threading.Thread(target=broken, name="poller")
    thread.start()
    thread.join()

    assert "(KeyError): the thread poller failed" in until(told)
    assert capsys.readouterr().err == ""


def test_what_a_finalizer_raises_is_somebodys_trouble(told: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    class Broken:
        def __del__(self) -> None:
            raise OSError(BAD)

    Broken()

    assert "(OSError): a callback failed" in until(told)
    assert capsys.readouterr().err == ""


def test_a_greenlet_that_ends_well_is_no_trouble(told: list[str], caplog: pytest.LogCaptureFixture) -> None:
    done = Event()
    gevent.spawn(done.set)

    assert done.wait(10)
    assert not told
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
