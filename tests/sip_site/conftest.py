"""A site of its own for each module of tests: edges and engines from Debian with the shipped configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agent.media.bridge import Bridge
from bench.rig.sip_box import SipBox
from bench.rig.sip_network import PHONES
from bench.rig.sip_phone import SipPhone
from bench.rig.sip_site import SipSite, missing


@pytest.fixture(scope="module")
def one_edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SipSite]:
    """The hub lives in the client's namespace meanwhile."""
    yield from _site(tmp_path_factory, two=False)


@pytest.fixture(scope="module")
def _two_edges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SipSite]:
    yield from _site(tmp_path_factory, two=True)


@pytest.fixture
def two_edges(_two_edges: SipSite) -> Iterator[SipSite]:
    """Both edges and both engines run when a test begins, whatever another one did."""
    _two_edges.repair()
    yield _two_edges


@pytest.fixture(scope="module")
def patient_edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SipSite]:
    """A single edge at which phones may ring for as long as this machine needs."""
    yield from _site(tmp_path_factory, two=False, SITE_RING_LIMIT_MS="300000")


def _site(factory: pytest.TempPathFactory, two: bool, **settings: str) -> Iterator[SipSite]:
    if lacking := missing():
        pytest.skip(f"needs {lacking}; ./test.sh installs what Debian has")
    with SipSite(factory.mktemp("site"), two, settings) as site, site.inside("client"):
        yield site


@pytest.fixture
def phone(one_edge: SipSite) -> Iterator[Callable[..., SipPhone]]:
    """Makes registered plain phones at the single edge."""
    yield from _phones(one_edge)


@pytest.fixture
def phone_of_two(two_edges: SipSite) -> Iterator[Callable[..., SipPhone]]:
    yield from _phones(two_edges)


def _phones(site: SipSite) -> Iterator[Callable[..., SipPhone]]:
    phones: list[SipPhone] = []

    def make(user: str = "desk", **how: Any) -> SipPhone:
        phones.append(SipPhone(site, user, address=PHONES[len(phones)], **how))
        phones[-1].until_registered()
        return phones[-1]

    yield make
    for each in phones:
        each.close()


@pytest.fixture
def box(one_edge: SipSite) -> Iterator[Callable[..., SipBox]]:
    """Makes registered boxes at the single edge."""
    yield from _boxes(one_edge)


@pytest.fixture
def box_of_two(two_edges: SipSite) -> Iterator[Callable[..., SipBox]]:
    yield from _boxes(two_edges)


def _boxes(site: SipSite) -> Iterator[Callable[..., SipBox]]:
    boxes: list[SipBox] = []
    with Bridge() as bridge:  # its thread lives where this one does

        def make(*edges: int, **options: Any) -> SipBox:
            boxes.append(SipBox(site, bridge, *edges, **options))
            return boxes[-1]

        yield make
        for each in boxes:
            each.close()
