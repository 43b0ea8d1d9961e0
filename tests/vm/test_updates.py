"""Installed versions on a board of their own: updates that lose power, fail, go back.

Needs VMBENCH_CACHE and root; half an hour.
"""

from __future__ import annotations

import pytest

from tests.vm.report import needs_machine, report_of

CUTS = 20
pytestmark = [needs_machine, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    return report_of(f"update_job.py {CUTS}", tmp_path_factory, timeout_s=3000)


@pytest.mark.parametrize("number", range(1, CUTS + 1))
def test_an_update_that_loses_power_leaves_the_old_or_the_new_version(report: str, number: int) -> None:
    assert f"\ncut_{number} ok\n" in report


@pytest.mark.parametrize(
    "check",
    [
        "a_whole_update_is_tried_in_a_call_and_stays",
        "one_in_a_call_keeps_the_call",
        "one_that_cannot_be_imported_changes_nothing",
        "one_that_never_gets_ready_goes_back_by_itself",
        "one_that_does_not_register_goes_back_by_itself",
        "goes_back_on_demand",
        "reads_a_secret_as_a_credential",
        "leaves_nothing_but_the_settings",
    ],
)
def test_installed_versions_pass_their_checks(report: str, check: str) -> None:
    assert f"\n{check} ok\n" in report
