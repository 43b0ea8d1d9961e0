"""Fixtures of the box's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kiosk.stage import Box, Phone, Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


@pytest.fixture
def box(site: Site) -> Box:
    return site.box()


@pytest.fixture
def visitor(site: Site) -> Phone:
    return site.phone()
