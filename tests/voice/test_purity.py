"""The cores of calls load no hub, no thread and no socket, not even through what they import."""

from __future__ import annotations

import subprocess
import sys

import pytest

CORES = ("call_core", "recovery_policy", "recovery_driver", "digits", "registration", "preflight_core", "protocols")


@pytest.mark.parametrize("core", CORES)
def test_a_core_loads_nothing_that_waits(core: str) -> None:
    code = f"import sys, agent.voice.{core}; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()

    assert f"agent.voice.{core}" in loaded
    assert not {"asyncio", "gevent", "select", "selectors", "socket", "ssl", "threading"} & set(loaded)
