"""A box that moves to another address while it is connected."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest


@pytest.mark.netns
def test_a_new_address_is_answered_at_once_and_other_changes_are_borne():
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        pytest.skip("needs root, unshare, nsenter and ip")
    done = subprocess.run(
        ["unshare", "-n", sys.executable, "-m", "tests.signaling.roaming"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split("\n") == [
        "kept",  # an address on another interface came
        "kept",  # the own address went: there is no way out, a try would be in vain
        "transport_close",  # another address came
        "from 10.77.0.1",
        "from 10.77.0.2",
        "",
    ], done.stderr
