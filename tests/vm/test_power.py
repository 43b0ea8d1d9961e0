"""A box that loses power in a call with its door open: afterwards the door is shut, and the next call works.

Needs VMBENCH_CACHE and root; minutes.
"""

from __future__ import annotations

import os

import pytest

from tests.checkout import copy_checkout
from tests.vm import machine

CUTS = 10
pytestmark = [
    pytest.mark.skipif("VMBENCH_CACHE" not in os.environ or os.geteuid() != 0, reason="needs VMBENCH_CACHE and root"),
    pytest.mark.timeout(1200),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the job said inside the machine, in one run for all the tests here."""
    checkout, artifacts = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("artifacts")
    copy_checkout(checkout)

    machine.run(checkout, f"python3 tests/vm/power_job.py {CUTS}", artifacts, timeout_s=1000)

    print((artifacts / "output.txt").read_text())
    print(f"journal and console: {artifacts}")
    return (artifacts / "output.txt").read_text()


@pytest.mark.parametrize("number", range(1, CUTS + 1))
def test_a_power_cut_in_a_call_with_the_door_open_leaves_a_box_that_works(report: str, number: int) -> None:
    assert f"\ncut_{number} ok\n" in f"\n{report}"
