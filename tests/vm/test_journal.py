"""What a busy hour of an installed box writes to the journal: 200 kB are enough for a day that has eight of them.

Needs VMBENCH_CACHE and root; minutes.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.checkout import copy_checkout
from tests.vm import machine

pytestmark = [
    pytest.mark.skipif("VMBENCH_CACHE" not in os.environ or os.geteuid() != 0, reason="needs VMBENCH_CACHE and root"),
    pytest.mark.timeout(1200),
]


def test_a_day_with_eight_busy_hours_writes_at_most_200_kb(tmp_path: Path) -> None:
    copy_checkout(tmp_path / "checkout")

    machine.run(tmp_path / "checkout", "python3 tests/vm/journal_job.py", tmp_path / "artifacts", timeout_s=1000)

    report = (tmp_path / "artifacts/output.txt").read_text()
    print(report, f"journal and console: {tmp_path / 'artifacts'}", sep="")
    hours = [int(line.split()[1]) for line in report.splitlines() if line.startswith("busy_hour ")]
    assert len(hours) == 1 and 8 * hours[0] <= 200_000, hours
