"""What runs side by side: everything but the tests that share one virtual sound card, one network or one browser."""

from __future__ import annotations

import pytest

SHARED = ("sound", "netns", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for shared in SHARED:
            if item.get_closest_marker(shared) is not None:
                item.add_marker(pytest.mark.xdist_group(shared))
