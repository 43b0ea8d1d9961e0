"""What runs side by side: all but the tests that share one sound card, network or browser; and what none inherits."""

from __future__ import annotations

import pytest

from agent.log import SeldomLog

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
