from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.examples.stage import PATIENCE_S, ROOT, Example, Service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("switchboard")
    command = [sys.executable, "-m", "agent", "switchboard", "--listen", "127.0.0.1:0", "--state-dir", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    facts = dict(line.split() for line in iter(process.stdout.readline, "ready\n"))
    yield Service(facts["address"], folder)
    process.terminate()
    process.communicate(timeout=PATIENCE_S)


@pytest.fixture
def run(service: Service) -> Iterator[Callable[..., Example]]:
    """Start an example against the switchboard."""
    running: list[Example] = []

    def start(name: str, *arguments: str) -> Example:
        running.append(Example(name, *service.arguments, *arguments))
        return running[-1]

    yield start
    for example in running:
        example.close()
