"""A service that ends again and again is started ever more seldom."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.service.starts import DAY_S, FREE, LONG_S, LONGEST_S, StartRecord, pause_before_start_s


def test_the_first_starts_wait_for_nothing() -> None:
    assert [pause_before_start_s([float(at) for at in range(count)], 10.0) for count in range(FREE + 1)] == [0.0] * 4


def test_a_crash_loop_slows_down_to_one_try_a_minute_and_later_to_few_an_hour() -> None:
    now, starts, pauses = 1000.0, list[float](), list[float]()
    while now < 1000.0 + DAY_S:
        pauses.append(pause_before_start_s(starts, now))
        starts.append(now)
        now += pauses[-1] + 1.0

    assert pauses == sorted(pauses)
    assert LONGEST_S in pauses
    assert pauses[-1] == LONG_S
    assert len(starts) < 150  # each writes a kilobyte


def test_starts_of_another_day_and_of_a_clock_before_its_boot_do_not_count() -> None:
    assert pause_before_start_s([1.0] * 20, 2.0 + DAY_S) == 0.0
    assert pause_before_start_s([500.0] * 20, 3.0) == 0.0


def test_starts_are_remembered_over_processes_until_they_are_forgotten(tmp_path: Path) -> None:
    environ = {"RUNTIME_DIRECTORY": str(tmp_path)}

    pauses = [StartRecord(environ).note(100.0 + at) for at in range(6)]

    assert pauses == [0.0, 0.0, 0.0, 0.0, 2.0, 4.0]
    StartRecord(environ).forget()
    assert StartRecord(environ).note(200.0) == 0.0


@pytest.mark.parametrize("text", ["", "{}", "[1, null, \"x\"]", "\x00" * 9, "[" * 10_000])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "starts").write_text(text)

    assert StartRecord({"RUNTIME_DIRECTORY": str(tmp_path)}).note(5.0) == 0.0


def test_without_a_runtime_folder_nothing_waits() -> None:
    record = StartRecord({})

    assert [record.note(1.0) for _ in range(9)] == [0.0] * 9
    record.forget()
