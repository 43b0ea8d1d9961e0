"""Every part of the box is broken in every way that can be thought of, and is back without anybody's help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gevent
import pytest
from gevent.event import Event

from tests.kiosk.stage import BOX_HZ, VISITOR_HZ, Box, Site

QUICK_MS = 2_000  # less would be more than a busy machine can keep


@pytest.fixture
def box(site: Site) -> Box:
    config = site.config()
    return site.box(replace(config, service=replace(config.service, stall_ms=QUICK_MS)))


def raise_at(_box: Box) -> Callable[..., Any]:
    def fails(*_args: Any) -> Any:
        raise RuntimeError("a fault")

    return fails


def do_nothing(_box: Box) -> Callable[..., Any]:
    return lambda *_args: []


def block(_box: Box) -> Callable[..., Any]:
    return lambda *_args: Event().wait()


WAYS = {"raises": raise_at, "does nothing": do_nothing, "blocks": block}


def restarts(box: Box, part: str) -> int:
    return int(box.kiosk.supervisor.status()[part]["restarts"])


def until_restarted(box: Box, part: str) -> None:
    box.until(lambda: restarts(box, part) >= 1, f"restarted {part}: {box.kiosk.supervisor.status()}")


# --- signaling ---


@pytest.mark.parametrize("way", ["raises", "does nothing"])
def test_a_link_whose_timer_does_not_work_any_more_is_replaced(site: Site, box: Box, way: str) -> None:
    stream: Any = box.kiosk.device.stream
    stream._link.tick = WAYS[way](box)

    site.cut_socket("box")

    box.until_shows("offline")
    box.until(lambda: any("signaling" in why for why in box.status["troubles"].values()), "named the trouble")
    box.until_shows("ready")
    assert restarts(box, "signaling") >= 1
    assert box.kiosk.device.stream is not stream
    box.until(lambda: not any("signaling" in why for why in box.status["troubles"].values()), "was over the trouble")


def test_one_failure_of_the_links_timer_costs_one_more_try(site: Site, box: Box) -> None:
    stream: Any = box.kiosk.device.stream
    tick, failed = stream._link.tick, Event()

    def fails_once(now: float) -> Any:
        stream._link.tick = tick
        failed.set()
        raise RuntimeError("a fault")

    stream._link.tick = fails_once

    site.cut_socket("box")

    assert failed.wait(20)
    box.until_shows("ready")
    assert (restarts(box, "signaling"), box.kiosk.device.stream) == (0, stream)


@pytest.mark.parametrize("way", ["raises", "blocks"])
def test_a_stream_that_carries_nothing_out_any_more_is_replaced(site: Site, box: Box, way: str) -> None:
    stream: Any = box.kiosk.device.stream
    stream._perform = WAYS[way](box)

    site.cut_socket("box")

    box.until(lambda: box.kiosk.device.stream is not stream, "replaced the stream", 60)
    box.until_shows("ready")


def test_a_call_goes_on_while_its_stream_is_replaced(site: Site) -> None:
    box = site.box()
    visitor = site.phone()
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    box.until_shows("in_call")
    stream: Any = box.kiosk.device.stream

    box.kiosk.registrar.restart()

    box.until(lambda: box.kiosk.device.stream is not stream, "replaced the stream")
    box.until_shows("ready", "in_call")
    box.until_hears(VISITOR_HZ)
    visitor.until_hears(BOX_HZ)
    visitor.call.disconnect()
    box.until_calm()


def test_a_box_that_nobody_would_bring_back_after_the_services_farewell_comes_back(site: Site, box: Box) -> None:
    box.kiosk.registrar._come_back = lambda: None  # type: ignore[method-assign]
    box.kiosk.registrar._back_at = None
    box.kiosk.device._host.stream.destroy()
    box.kiosk.device._host.stream_closed()
    box.kiosk.registrar._stay_away()

    until_restarted(box, "signaling")
    box.until_shows("ready")
    gevent.idle()
