"""JsSIP in Chromium at a site: what a browser client does, and what our box is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bench.rig.sip_box import SipBox, until
from bench.rig.sip_browser import SipPage, missing
from bench.rig.sip_phone import SipPhone
from bench.rig.sip_site import SipSite

from .test_phones import until_nothing_is_left

pytestmark = [pytest.mark.sip_site, pytest.mark.skipif(bool(missing()), reason="needs JsSIP; ./test.sh installs it")]


@pytest.fixture(scope="module")
def page(one_edge: SipSite) -> Iterator[SipPage]:
    with SipPage(one_edge) as page:
        yield page


def test_a_browser_calls_a_plain_phone_and_is_called(
    one_edge: SipSite, page: SipPage, phone: Callable[..., SipPhone]
) -> None:
    web, desk = page.phone("web"), phone("desk", hz=700)
    web.dial("desk")
    web.until_hears(700)
    desk.until_hears(600)
    desk.press("5")
    desk.hang_up()
    web.until("it.happened('ended')")
    web.forget()
    desk.dial("web")
    web.until("it.happened('session', 'remote')")
    web.run("it.answer()")
    web.until_hears(700)
    desk.until_hears(600)
    web.hang_up()
    desk.until_event("CALL_CLOSED", 2)
    until_nothing_is_left(one_edge)
    web.close()


def test_a_browser_calls_a_box_and_is_called(
    one_edge: SipSite, page: SipPage, box: Callable[..., SipBox]
) -> None:
    web, kiosk = page.phone("web"), box(hz=440)
    web.dial("box", "X-Door: front")
    call = kiosk.next_call()
    assert call.custom_parameters == {"Door": "front"}
    call.accept()
    web.until_hears(440)
    kiosk.until_hears(600)
    web.run("it.session.sendDTMF('12', { transportType: 'RFC2833' })")
    until(lambda: [told for told in kiosk.told if told.startswith("digit")] == ["digit 1", "digit 2"], "the digits")
    web.run("return await it.restart()")
    kiosk.until_hears(600)
    web.until_hears(440)
    web.hang_up()
    kiosk.until_told("disconnect")
    web.forget()
    again = kiosk.dial("web")
    web.until("it.happened('session', 'remote')")
    web.run("it.answer()")
    kiosk.until_hears(600)
    web.until_hears(440)
    again.disconnect()
    web.until("it.happened('ended')")
    until_nothing_is_left(one_edge)
    web.close()
