"""The one thread that calls the sound library: in order, and never waited for too long."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from hw.errors import SoundError, SoundWedgedError
from hw.sound.portaudio_thread import ControlThread


@pytest.fixture
def control() -> Iterator[ControlThread]:
    thread = ControlThread()
    yield thread
    thread.close()


def test_every_job_runs_on_the_same_thread_and_gives_its_result(control: ControlThread) -> None:
    threads = {control.run(threading.get_ident, 5.0) for _ in range(5)}
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_an_error_is_raised_where_the_job_was_asked_for(control: ControlThread) -> None:
    def fail() -> None:
        raise SoundError("no such card")

    with pytest.raises(SoundError, match="no such card"):
        control.run(fail, 5.0)
    assert control.run(lambda: 7, 5.0) == 7


def test_a_hanging_job_is_given_up_and_no_other_is_begun(control: ControlThread) -> None:
    release, discarded = threading.Event(), threading.Event()
    begun: list[int] = []
    with pytest.raises(SoundWedgedError, match=r"did not answer within 0\.05 s"):
        control.run(release.wait, 0.05, discard=lambda result: discarded.set())
    assert control.wedged
    with pytest.raises(SoundWedgedError, match="still does not answer"):
        control.run(lambda: begun.append(1), 5.0)
    release.set()
    assert discarded.wait(5.0)
    assert begun == []


def test_after_a_late_answer_work_goes_on_and_the_result_is_discarded(control: ControlThread) -> None:
    release, discarded = threading.Event(), threading.Event()
    with pytest.raises(SoundWedgedError):
        control.run(release.wait, 0.05, discard=lambda result: discarded.set())
    release.set()
    assert discarded.wait(5.0)
    assert not control.wedged
    assert control.run(lambda: "works", 5.0) == "works"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_a_late_answer_ends_is_replaced(control: ControlThread) -> None:
    release, ended = threading.Event(), threading.Event()

    def hang() -> threading.Thread:
        release.wait()
        return threading.current_thread()

    def cannot_be_closed(thread: threading.Thread) -> None:
        threading.Thread(target=lambda: (thread.join(), ended.set())).start()
        raise MemoryError

    with pytest.raises(SoundWedgedError):
        control.run(hang, 0.05, discard=cannot_be_closed)
    release.set()
    assert ended.wait(5.0)

    assert control.run(lambda: "works", 5.0) == "works"


def test_a_waiting_caller_can_be_interrupted(control: ControlThread) -> None:
    release, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        release.wait()

    def interrupt(caller: threading.Thread) -> None:
        begun.wait()
        control.interrupt(caller)

    threading.Thread(target=interrupt, args=[threading.current_thread()]).start()
    with pytest.raises(SoundWedgedError):
        control.run(hang, 60.0)
    release.set()
