"""Every part of the box is broken in every way that can be thought of, and is back without anybody's help."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gevent
import pytest
from gevent.event import Event

from agent.errors import ControlError
from agent.net import resolve as resolve_module
from agent.page import server as page_server
from agent.quality import insights
from agent.service.control_client import ControlClient
from tests.kiosk.stage import BOX_HZ, PATIENCE_S, VISITOR_HZ, Box, Phone, Site

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
    def is_back() -> bool:
        return restarts(box, part) >= 1 and bool(box.kiosk.supervisor.status()[part]["up"])

    box.until(is_back, f"restarted {part}: {box.kiosk.supervisor.status()}")


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
    visitor.until_hears(BOX_HZ)
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


# --- calls ---


@pytest.fixture
def talking(site: Site, box: Box) -> Phone:
    visitor = site.phone()
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    box.until_shows("in_call")
    visitor.until_hears(BOX_HZ)
    return visitor


def inner(box: Box) -> Any:
    return box.kiosk.lines.current.connection._call  # type: ignore[union-attr]


def fails_for_ever(*_args: Any) -> Any:
    raise RuntimeError("a fault")


BREAK_A_CALL: dict[str, Callable[[Any], None]] = {
    "its recovery raises": lambda call: setattr(call._recovery._alarm, "_deadline", fails_for_ever),
    "its recovery does nothing": lambda call: setattr(call._recovery._alarm, "_deadline", lambda: 0.0),
    "its monitoring raises": lambda call: setattr(call.monitoring, "_measure", fails_for_ever),
    "an effect of it blocks": lambda call: gevent.spawn(blocked_effect, call),
    "its negotiation blocks": lambda call: call.media._begin(blocked_step),
}


def blocked_effect(call: Any) -> None:
    call._perform = lambda _effect: Event().wait()
    call.carry_out([object()])


def blocked_step() -> None:
    Event().wait()


@pytest.mark.parametrize("way", BREAK_A_CALL)
def test_a_call_that_stands_still_ends_properly_and_the_next_one_works(
    site: Site, box: Box, talking: Phone, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as impatient:
        impatient.setattr("agent.voice.call_media.LONGEST_STEP_S", 0.5)
        BREAK_A_CALL[way](inner(box))
        until_restarted(box, "calls")

    talking.until_told("disconnect")
    box.until(lambda: box.kiosk.is_idle, "was idle")
    talking.dial()
    box.until_shows("ringing")
    box.press("accept")
    box.until_shows("in_call")
    talking.until_hears(BOX_HZ)


# --- media ---


def test_a_media_thread_that_spins_is_replaced(box: Box) -> None:
    over, bridge = threading.Event(), box.kiosk.media.bridge

    def spin() -> None:
        while not over.is_set():
            pass

    bridge.call(spin)
    until_restarted(box, "media")
    over.set()

    assert box.kiosk.media.bridge is not bridge
    box.until(lambda: box.kiosk.media.progress_s() < 0.5, "another thread")


# --- page and control socket ---


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("agent.service.control", "agent.kiosk.page"):
        monkeypatch.setattr(f"{module}.LOOK_S", 0.2)
        monkeypatch.setattr(f"{module}.ANSWER_S", 2.0)


def swallow(*_args: Any) -> None:
    Event().wait()


def asked(site: Site) -> dict[str, Any]:
    """What the control socket answers as soon as there is one again: its part is up a moment before it listens."""
    with gevent.Timeout(PATIENCE_S, AssertionError("nobody answers on the control socket")):
        while True:
            try:
                with ControlClient(str(site.folder / "run" / "control.sock")) as client:
                    return dict(client.request("status"))
            except ControlError:
                gevent.sleep(0.01)


def stops_listening(server: Any) -> None:
    server.stop_accepting()


def blocks(server: Any) -> None:
    server._handle = swallow


SERVERS = [stops_listening, blocks]


@pytest.mark.usefixtures("asking")
@pytest.mark.parametrize("broken", SERVERS)
def test_a_control_socket_that_answers_nobody_is_replaced(site: Site, box: Box, broken: Callable[[Any], None]) -> None:
    broken(box.kiosk.control._server)

    until_restarted(box, "control")

    assert asked(site)["parts"]["control"]["restarts"] >= 1


@pytest.mark.usefixtures("asking")
def test_a_control_socket_that_somebody_removed_is_made_again(site: Site, box: Box) -> None:
    (site.folder / "run" / "control.sock").unlink()

    until_restarted(box, "control")

    assert asked(site)["parts"]["control"]["restarts"] >= 1


@pytest.mark.usefixtures("asking")
@pytest.mark.parametrize("broken", SERVERS)
def test_a_page_that_answers_nobody_is_replaced(
    site: Site, broken: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    server = page_server.WSGIServer

    def make(*how: Any, **more: Any) -> Any:
        made.append(server(*how, **more))
        return made[-1]

    monkeypatch.setattr(page_server, "WSGIServer", make)
    config = site.config()
    box = site.box(replace(config, page=replace(config.page, enabled=True, listen="127.0.0.1:0")))
    assert box.kiosk.page.served.wait(20)

    broken(made[0])

    until_restarted(box, "page")
    box.until(lambda: len(made) > 1 and box.kiosk.page.url, "served again")


# --- names, reports, door, tokens ---


def test_look_ups_that_stand_still_are_given_up_and_names_are_found_again(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.net.resolve.LONGEST_S", 0.5)
    real = resolve_module.socket.getaddrinfo
    monkeypatch.setattr(resolve_module.socket, "getaddrinfo", lambda *_a, **_m: Event().wait())
    asked = gevent.spawn(resolve_module.resolve, "localhost", 9, 60.0)

    until_restarted(box, "names")

    with pytest.raises(OSError, match="stood still"):
        asked.get(timeout=20)
    monkeypatch.setattr(resolve_module.socket, "getaddrinfo", real)
    assert resolve_module.resolve("localhost", 9)


def test_reports_that_stand_still_are_left_behind(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insights, "LONGEST_S", 0.5)
    host: Any = box.kiosk.device._host
    host.publisher = stuck = insights.EventPublisher("a-token")
    monkeypatch.setattr(stuck._host, "request", swallow)
    stuck.post("INFO", "group", "name", {})

    until_restarted(box, "reports")

    box.until(lambda: host.publisher is not stuck, "replaced the publisher")


def test_a_door_whose_timer_is_lost_is_shut(box: Box) -> None:
    relay: Any = box.kiosk.doorway._relays[""]
    box.act("door")
    relay._timer.cancel()

    until_restarted(box, "door")

    box.until(lambda: not box.kiosk.doorway.is_open, "shut the door")
    assert box.kiosk.pins.raw(26).state == 0


def test_a_token_that_is_fetched_for_ever_is_asked_for_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.kiosk.organs.FETCH_S", 2.0)
    box = site.box()
    source: Any = box.kiosk.registrar.admission.source
    fetch = source._fetch
    source._fetch = swallow
    source.refused()

    until_restarted(box, "registration")
    source._fetch = fetch

    box.until_shows("ready")
