"""One browser and one switchboard for all end-to-end tests; fresh pages and phones for each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.media.bridge import Bridge

from .devtools import find_chromium
from .stage import BOX_GENERATIONS, PAGES, Box, BrowserPhone, Stage

SDKS = Path(__file__).parent / "js" / "node_modules"
NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if find_chromium() is None or not (SDKS / "twilio-client").exists():
        pytest.skip("needs Chromium and the JavaScript SDKs; ./test.sh installs them")
    bridge = Bridge()
    stage = Stage(bridge, tmp_path_factory.mktemp("e2e"))
    yield stage
    stage.close()
    bridge.close()


@pytest.fixture
def generation(request: pytest.FixtureRequest) -> str:
    """Of the page's SDK."""
    return str(request.param)


@pytest.fixture
def box_generation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let every page meet a box of its own generation, and the newer one a box of either."""
    names = {"generation": tuple(PAGES), "box_generation": BOX_GENERATIONS}
    wanted = [name for name in names if name in metafunc.fixturenames]
    pairs = [pair for pair in itertools.product(*(names[name] for name in wanted)) if pair != ("1.15", "2")]
    if wanted:
        metafunc.parametrize(wanted, pairs, indirect=True)


@pytest.fixture
def browser(stage: Stage, generation: str) -> Iterator[BrowserPhone]:
    """A registered page with one generation of the SDK."""
    phone = stage.browser(generation, f"browser-{next(NUMBERS)}")
    yield phone
    phone.close()


@pytest.fixture
def new_box(stage: Stage, box_generation: str) -> Iterator[Callable[[], Box]]:
    """Makes registered phones of our own."""
    boxes: list[Box] = []

    def make(identity: str = "") -> Box:
        boxes.append(Box(stage, identity or f"box-{next(NUMBERS)}", box_generation))
        return boxes[-1]

    yield make
    for box in boxes:
        box.close()


@pytest.fixture
def box(new_box: Callable[[], Box]) -> Box:
    return new_box()
