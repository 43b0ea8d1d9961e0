"""What runs side by side: all but the tests that share one sound card, network or browser; and what none inherits.

What plays out in real time has one second try, which pytest's closing line counts: where the machine stands still for a
second, sound has a hole and a network is lost, whatever the program does. All else has one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from agent.log import SeldomLog

settings.register_profile("house", deadline=None)  # a test asserts nothing about the speed of its machine
settings.load_profile("house")

SHARED = ("sound", "netns", "browser")
REAL_TIME = (*SHARED, "sip_site", "real_time")


@pytest.fixture(autouse=True, scope="session")
def _nothing_is_remembered_after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A box that names no folder for its state would keep it in the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def _nothing_was_logged_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test provokes is told in the next one, too."""
    monkeypatch.setattr(SeldomLog, "_since", {})


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the names of groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.get_closest_marker(name) is not None for name in REAL_TIME):
            item.add_marker(pytest.mark.flaky(reruns=1))
        if (group := _group_of(item)) is not None:
            item.add_marker(pytest.mark.xdist_group(group))
            if getattr(item.config.option, "loadgroup", False) and hasattr(item, "_id"):
                # pytest-xdist 3.8 writes the group's name where pytest 9.2 does not look for it any more.
                item._id = type(item._id).parse(f"{item.nodeid}@{group}")


def _group_of(item: pytest.Item) -> str | None:
    """Tell with which others it must not run side by side; SIP sites are independent, but one serves a whole file."""
    if item.get_closest_marker("sip_site") is not None:
        return item.path.name
    return next((shared for shared in SHARED if item.get_closest_marker(shared) is not None), None)
