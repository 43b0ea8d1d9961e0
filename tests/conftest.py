"""What runs side by side: all but the tests that share one sound card, network or browser; and what none inherits."""

from __future__ import annotations

import pytest
from hypothesis import settings

from agent.log import SeldomLog

settings.register_profile("house", deadline=None)  # a test asserts nothing about the speed of its machine
settings.load_profile("house")

SHARED = ("sound", "netns", "browser")


@pytest.fixture(autouse=True)
def _nothing_was_logged_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test provokes is told in the next one, too."""
    monkeypatch.setattr(SeldomLog, "_since", {})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for shared in SHARED:
            if item.get_closest_marker(shared) is not None:
                item.add_marker(pytest.mark.xdist_group(shared))
