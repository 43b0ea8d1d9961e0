"""One run of a job inside the machine, for all the tests of a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checkout import copy_checkout
from tests.vm import machine

needs_machine = pytest.mark.skipif(
    "VMBENCH_CACHE" not in os.environ or os.geteuid() != 0, reason="needs VMBENCH_CACHE and root"
)


def report_of(
    job: str,
    folders: pytest.TempPathFactory,
    *,
    timeout_s: int,
    prepare: Callable[[Path], None] = lambda checkout: None,
) -> str:
    """Run `tests/vm/JOB` in a machine with a checkout that `prepare` adds to; what it said."""
    checkout, artifacts = folders.mktemp("checkout"), folders.mktemp("artifacts")
    copy_checkout(checkout)
    prepare(checkout)

    status = machine.run(checkout, f"python3 tests/vm/{job}", artifacts, timeout_s=timeout_s)

    said = (artifacts / "output.txt").read_text()
    print(said)
    if status == machine.OUT_OF_TIME:
        print(f"out of time after {timeout_s} s: what is missing here was not tried to its end")
    elif status == machine.DIED:
        print("the machine ended by itself: what is missing here was not tried to its end")
    print(f"journal and console: {artifacts}")
    return said
