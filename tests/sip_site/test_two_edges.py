"""Two edges and two media engines, of which any may die: what a client that knows both has of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gevent
import pytest

from bench.rig.sip_browser import PagePhone, SipPage, missing
from bench.rig.sip_phone import SipPhone
from bench.rig.sip_site import SipSite

pytestmark = [pytest.mark.sip_site, pytest.mark.skipif(bool(missing()), reason="needs JsSIP; ./test.sh installs it")]


@pytest.fixture
def page(two_edges: SipSite) -> Iterator[SipPage]:
    with SipPage(two_edges) as page:
        yield page


def until_known(site: SipSite, edge: int, *names: str) -> None:
    """Wait until an edge knows where these users are."""
    with gevent.Timeout(20, False):
        while not set(names) <= set(site.registered(edge)):
            gevent.sleep(0.05)
    assert set(names) <= set(site.registered(edge))


def until_no_media_is_left(site: SipSite) -> None:
    with gevent.Timeout(20, False):
        while site.media():
            gevent.sleep(0.05)
    assert site.media() == 0


def talk(page: SipPage, caller: PagePhone, callee: PagePhone) -> None:
    caller.dial(callee.user)
    callee.until("it.happened('session', 'remote')")
    callee.run("it.answer()")
    caller.until_hears(600)
    callee.until_hears(600)


def test_users_of_different_edges_talk(two_edges: SipSite, page: SipPage) -> None:
    web, lobby = page.phone("web", (1,)), page.phone("lobby", (2,))
    for edge in (1, 2):
        until_known(two_edges, edge, "lobby", "web")
    talk(page, web, lobby)
    assert web.run("return await it.restart()") > 0
    assert lobby.run("return await it.restart()") > 0
    lobby.hang_up()
    web.until("it.happened('ended')")
    web.forget()
    lobby.forget()
    talk(page, lobby, web)
    lobby.hang_up()
    web.until("it.happened('ended')")
    until_no_media_is_left(two_edges)


def test_an_edge_that_dies_in_a_call_takes_nothing_with_it(
    two_edges: SipSite, page: SipPage, phone_of_two: Callable[..., SipPhone]
) -> None:
    web, lobby = page.phone("web", (1, 2)), page.phone("lobby", (2,))
    until_known(two_edges, 2, "lobby", "web")
    talk(page, web, lobby)
    web.forget()
    two_edges.kill("edge1")
    web.until("it.happened('registered')")
    assert web.run("return await it.restart()") > 0
    assert lobby.run("return await it.restart()") > 0
    web.until_hears(600)
    lobby.until_hears(600)
    lobby.hang_up()
    web.until("it.happened('ended')")
    web.forget()
    lobby.forget()
    talk(page, lobby, web)
    web.hang_up()
    lobby.until("it.happened('ended')")
    until_no_media_is_left(two_edges)
    two_edges.start("edge1")
    until_known(two_edges, 1, "lobby", "web")


def test_a_media_engine_that_dies_in_a_call_is_replaced_by_a_re_invite(two_edges: SipSite, page: SipPage) -> None:
    web, lobby = page.phone("web", (1,)), page.phone("lobby", (2,))
    until_known(two_edges, 1, "lobby", "web")
    talk(page, web, lobby)
    engine = next(name for name in ("engine1", "engine2") if two_edges.media_of(name))
    two_edges.kill(engine)
    web.until("it.loudest() === 0")
    web.run("return await it.restart()")
    web.until_hears(600)
    lobby.until_hears(600)
    web.hang_up()
    lobby.until("it.happened('ended')")  # the edge tells the dead engine; the other one forgets it after its time-out
