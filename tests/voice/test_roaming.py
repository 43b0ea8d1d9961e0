"""A box whose network is taken away in a call: real signaling, real media, network namespaces, real time.

All scenarios run beside each other, since each one mostly waits.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.rig import netns

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(not netns.available(), reason="needs root and network namespaces"),
]

ROOT = Path(__file__).parents[2]
SCENARIOS = ("move 1", "cut 10", "loss 2", "loss 10", "loss 29", "loss 40", "blackout 5", "blackout 40")
LIMIT_S = 110

Processes = dict[str, "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    command = (sys.executable, "-m", "tests.voice.roaming")
    started = {}
    for scenario in SCENARIOS:
        started[scenario] = subprocess.Popen((*command, *scenario.split()), stdout=subprocess.PIPE, text=True, cwd=ROOT)
        if scenario == "move 1":
            started[scenario].wait(LIMIT_S)  # the start of all the others at once would hold this short one up
    yield started
    for process in started.values():
        process.kill()


def result(processes: Processes, scenario: str) -> dict[str, Any]:
    output, _ = processes[scenario].communicate(timeout=LIMIT_S)
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


@pytest.mark.parametrize("scenario", ["move 1", "loss 2", "loss 10", "loss 29", "blackout 5"])
def test_a_call_survives(processes: Processes, scenario: str) -> None:
    found = result(processes, scenario)

    assert found["events"] == ["reconnecting", "reconnected"]
    assert (found["status"], found["ready"]) == ("open", True)
    assert found["heard_after_ms"] is not None


def test_a_call_moves_at_once_while_signaling_is_gone_and_stays(processes: Processes) -> None:
    found = result(processes, "cut 10")

    assert found["events"] == ["reconnecting", "reconnected"]
    assert (found["status"], found["online"]) == ("open", False)
    assert found["longest_silence_ms"] < 10_000  # ICE would find out by itself after 30 s


@pytest.mark.parametrize("scenario", ["loss 40", "blackout 40"])
def test_a_call_is_given_up_after_its_limit_and_the_box_is_ready_again(processes: Processes, scenario: str) -> None:
    found = result(processes, scenario)

    assert found["events"] == ["reconnecting", "disconnect", "error 31003"]
    assert (found["status"], found["ready"]) == ("closed", True)
