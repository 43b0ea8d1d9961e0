"""A program that the box runs: how it ends is known, and nothing of the box is copied for it."""

from __future__ import annotations

import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from agent.child_process import ChildProcess

SOON_S = 30.0


@pytest.fixture
def thread() -> Iterator[threading.Thread]:
    """What the media loop, the sound card and the pins are beside the hub."""
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    yield thread
    over.set()
    thread.join()


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9)])
def test_how_it_ended_is_known(script: str, status: int) -> None:
    child = ChildProcess(["sh", "-c", script])

    assert child.wait(SOON_S) == child.status == status


def test_what_it_prints_is_read(tmp_path: Path) -> None:
    script = "echo $WORD; pwd; echo not this >&2; cat"

    with ChildProcess(["sh", "-c", script], environment={"WORD": "said"}, cwd=str(tmp_path)).output as output:
        assert output.read() == f"said\n{tmp_path}\n".encode()


def test_what_it_prints_as_errors_is_read_where_it_is_wanted() -> None:
    with ChildProcess(["sh", "-c", "echo wrong >&2"], with_errors=True).output as output:
        assert output.read() == b"wrong\n"


def test_only_the_greenlet_that_waits_is_blocked() -> None:
    child = ChildProcess(["cat", "/dev/zero"])  # waits for whoever reads it
    waiting = gevent.spawn(child.wait, SOON_S)
    with pytest.raises(TimeoutError):
        child.wait(0.01)
    assert child.status is None

    child.kill()

    assert waiting.get(timeout=SOON_S) == -signal.SIGKILL
    child.kill()  # nobody else who has its number now
    child.output.close()


def test_those_that_end_together_all_end() -> None:
    children = [ChildProcess(["sh", "-c", f"exit {number}"]) for number in range(20)]
    time.sleep(0.2)  # the hub learns of all of them at once

    assert [child.wait(SOON_S) for child in children] == list(range(20))


def test_one_that_cannot_be_started_leaves_nothing_behind() -> None:
    before = open_files()
    for wrong in (["/there/is/none"], ["a\0b"]):
        with pytest.raises((OSError, ValueError)):
            ChildProcess(wrong)

    assert open_files() == before


@pytest.mark.usefixtures("thread")
def test_no_thread_is_copied_for_it() -> None:
    """Python warns of it from 3.12 on."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        child = ChildProcess([sys.executable, "-c", ""])

    assert child.wait(SOON_S) == 0
