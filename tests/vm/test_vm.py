"""The installed service on a board of its own: pins, kill, stall, reboot. Needs VMBENCH_CACHE and root; minutes.

VMBENCH_SUITE=trixie takes Debian 13 with its Python 3.13 in the place of Debian 12.
"""

from __future__ import annotations

import pytest

from tests.vm.report import needs_machine, report_of

pytestmark = [needs_machine, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    return report_of("job.py", tmp_path_factory, timeout_s=600)


@pytest.mark.parametrize(
    "check",
    [
        "installs",
        "registers",
        "opens_its_card",
        "calls_at_a_press",
        "comes_back_after_a_kill",
        "comes_back_after_a_stall",
        "holds_no_door_open_when_it_stands_still",
        "is_ready_after_boot",
        "outlives_a_clock_that_steps",
        "is_exposed_as_the_documents_say",
        "is_started_ever_more_seldom",
        "stops_in_order",
        "drives_its_pins",
    ],
)
def test_the_box_passes_its_checks(report: str, check: str) -> None:
    assert f"\n{check} ok\n" in f"\n{report}"
