"""A box that loses power in a call with its door open: afterwards the door is shut, and the next call works.

Needs VMBENCH_CACHE and root; minutes.
"""

from __future__ import annotations

import pytest

from tests.vm.report import needs_machine, report_of

CUTS = 10
pytestmark = [needs_machine, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    return report_of(f"power_job.py {CUTS}", tmp_path_factory, timeout_s=1000)


@pytest.mark.parametrize("number", range(1, CUTS + 1))
def test_a_power_cut_in_a_call_with_the_door_open_leaves_a_box_that_works(report: str, number: int) -> None:
    assert f"\ncut_{number} ok\n" in f"\n{report}"
