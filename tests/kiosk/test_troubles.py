"""What the box shows when something is wrong, and that it gets over it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from geventhttpclient import HTTPClient

from agent.errors import RestartLimitError
from agent.signaling.token.access_token import mint_token
from agent.signaling.token.token_source import TokenSettings, read_key
from agent.twilio_errors import twilio_error
from hw.panel.settings import LightSettings
from tests.kiosk.stage import BOX, BOX_HZ, BUTTONS, UNREACHABLE_HZ, VISITOR_HZ, Box, Phone, Site


def talk(box: Box, visitor: Phone) -> None:
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    box.until_shows("in_call")
    box.until_hears(VISITOR_HZ)
    visitor.until_hears(BOX_HZ)


# --- the network and the service ---


def test_a_box_that_cannot_reach_the_service_is_offline_and_says_why(site: Site) -> None:
    site.stop()

    box = site.box(ready=False)

    box.until_shows("offline")
    box.until(lambda: "refused" in box.status["service"]["reason"], f"said why but {box.status['service']}")
    assert "booting" not in box.states


def test_the_box_is_ready_again_after_the_switchboard_was_started_anew(site: Site, box: Box) -> None:
    site.stop()
    box.until_shows("offline")

    site.start_again()

    box.until_shows("ready")
    visitor = site.phone()
    visitor.dial()
    box.until_shows("ringing")


def test_the_box_comes_back_after_the_service_sent_it_away(
    site: Site, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.kiosk.registration.AFTER_CLOSE_S", 0.05)

    site.tell(BOX, "close")

    box.until_told("offline")
    box.until_told("ready", times=2)
    visitor = site.phone()
    visitor.dial()
    box.until_shows("ringing")


def test_a_call_outlives_its_signaling(site: Site, box: Box, visitor: Phone) -> None:
    talk(box, visitor)

    site.cut_socket(BOX)
    box.until_told("offline")
    box.until_told("ready", times=2)

    box.until_hears(VISITOR_HZ)
    visitor.until_hears(BOX_HZ)
    box.press("hangup")
    visitor.until_told("disconnect")


def test_a_call_that_rings_dies_with_its_socket(site: Site, box: Box, visitor: Phone) -> None:
    visitor.dial()
    box.until_shows("ringing")

    site.cut_socket(BOX)

    box.until(lambda: "ringing" not in box.states, "silent")
    box.until_quiet()
    assert box.last_call["outcome"] == "missed"


def test_a_call_out_before_there_is_a_token_says_so(site: Site) -> None:
    command = TokenSettings(command=("false",))
    box = site.box(replace(site.config(), token=command), ready=False)

    box.press("call")

    box.until_told("not possible")
    box.until_hears(UNREACHABLE_HZ[0])


def test_a_call_is_saved_when_the_network_changes(box: Box, visitor: Phone) -> None:
    talk(box, visitor)

    box.kiosk.device.network_changed()

    box.until_shows("reconnecting", "in_call")
    box.until_told("reconnected")
    box.until_hears(VISITOR_HZ)
    visitor.until_hears(BOX_HZ)
    assert "reconnecting" not in box.states


# --- the token ---


def test_a_refused_token_is_an_error_that_says_why(site: Site) -> None:
    key = read_key(site.folder / "state" / "api_key.json")
    foreign = mint_token(replace(key, secret="another secret of the same length"), BOX, ttl_s=600)
    box = site.box(replace(site.config(), token=TokenSettings(value=foreign)), ready=False)

    box.until_shows("error", "offline")

    assert "the service refuses the access token" in box.status["troubles"]["token"]


@pytest.mark.parametrize(
    ("code", "part", "remedy"),
    [
        *((code, "token", "[token]") for code in (20101, 20103, 20105, 20157, 31102, 31202, 31205, 31207, 31211)),
        *((code, "account", "console") for code in (10001, 20003, 31203, 31105)),
        *((code, "version", "latest version") for code in (31007, 31100, 31426)),
        *((code, "rate", "wait") for code in (31206, 20429, 31429)),
        *((code, "service", "list of errors") for code in (12345, 31999, "odd", None)),
    ],
)
def test_each_refusal_of_the_service_is_named_and_logged_once_and_over_when_it_is_ready(
    site: Site, box: Box, caplog: pytest.LogCaptureFixture, code: object, part: str, remedy: str
) -> None:
    stream: Any = box.kiosk.device.stream
    renewals: list[object] = []
    box.kiosk.registrar.admission.source.on("token", renewals.append)

    for n in range(3):
        error = {"code": code, "message": f"no, for the {n}th time\x1b[2J", "twilioError": twilio_error(53000)}
        stream.emit("error", {"error": error})

    box.until_shows("error")
    assert remedy in box.status["troubles"][part] and "\x1b" not in box.status["troubles"][part]
    assert len([record for record in caplog.records if remedy in record.getMessage()]) == 1
    if part in ("token", "account"):
        box.until(lambda: bool(renewals), "fetched another token")
    stream.emit("ready", {})
    box.until(lambda: box.status["troubles"] == {}, "over it")


def test_a_token_that_cannot_be_had_is_an_error_that_says_why(site: Site) -> None:
    missing = str(site.folder / "token.txt")
    box = site.box(replace(site.config(), token=TokenSettings(file=missing)), ready=False)

    box.until_shows("error", "offline")

    assert "token.txt" in box.status["troubles"]["token"]


def test_the_error_is_over_when_the_token_is_good(site: Site) -> None:
    path = site.folder / "token.txt"
    path.write_text("not a token")
    box = site.box(replace(site.config(), token=TokenSettings(file=str(path))), ready=False)
    box.until_shows("error")

    path.write_text(site.switchboard.mint(BOX))
    box.kiosk.registrar.admission.source.network_changed()

    box.until_calm()
    assert box.status["troubles"] == {}


def test_a_box_stays_ready_beyond_the_life_of_its_token(site: Site) -> None:
    config = site.config()
    box = site.box(replace(config, token=replace(config.token, ttl_s=2)))
    tokens: list[str] = []
    box.kiosk.registrar.admission.source.on("token", tokens.append)
    box.kiosk.registrar.admission.source.on("token", lambda _token: box.tell())

    box.until(lambda: len(tokens) == 3, "renewed its token three times")

    assert "offline" not in box.story
    visitor = site.phone()
    visitor.dial()
    box.until_shows("ringing")


def test_a_box_renews_its_token_by_what_the_service_says_of_it(box: Box) -> None:
    tokens: list[str] = []
    box.kiosk.registrar.admission.source.on("token", tokens.append)
    box.kiosk.registrar.admission.source.on("token", lambda _token: box.tell())

    box.kiosk.device.emit("token_told", 0.5)  # of an hour that the token claims

    box.until(lambda: len(tokens) == 1, "got another token at once")


# --- the sound card ---


def test_a_card_that_is_pulled_out_in_a_call_does_not_end_it(box: Box, visitor: Phone) -> None:
    talk(box, visitor)

    box.sound.pull_out()
    box.until_shows("no_sound", "in_call")
    assert box.status["sound"] == {"state": "lost", "reason": "the card was pulled out"}
    visitor.until_quiet()

    box.sound.put_back()
    box.until(lambda: "no_sound" not in box.states, "sound again")
    box.until_hears(VISITOR_HZ)
    visitor.until_hears(BOX_HZ)


# --- the parts of the program ---


@contextmanager
def standing_still(box: Box) -> Iterator[None]:
    """Block the media thread for as long as the test wants."""
    go_on = threading.Event()
    box.kiosk.media.bridge.call(go_on.wait, 30)
    try:
        yield
    finally:
        go_on.set()


@pytest.fixture
def impatient(site: Site) -> Box:
    """A box that gives its parts a moment more than the pins take between two looks."""
    config = site.config()
    return site.box(replace(config, service=replace(config.service, stall_ms=1_500)))


def test_a_media_thread_that_stands_still_is_replaced_and_the_next_call_works(impatient: Box, visitor: Phone) -> None:
    box = impatient
    talk(box, visitor)

    with standing_still(box):
        visitor.until_told("disconnect")
        box.until_calm()
        box.until(lambda: box.kiosk.media.progress_s() < 0.5, "another thread")
        visitor.dial()
        box.until_shows("ringing")
        box.press("accept")
        box.until_hears(VISITOR_HZ)
        visitor.until_hears(BOX_HZ)

    visitor.until_hears(BOX_HZ)  # the old thread's late farewell does not touch the new call
    assert box.status["call"]["status"] == "open"


def test_buttons_work_while_the_media_thread_stands_still(impatient: Box, visitor: Phone) -> None:
    with standing_still(impatient):
        impatient.press("quiet")

        impatient.until_shows("do_not_disturb")


def test_the_watchdog_is_fed_by_progress_only(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(site.folder / "notify"))
    manager.setblocking(False)
    monkeypatch.setenv("NOTIFY_SOCKET", str(site.folder / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    box = site.box()
    heard: list[bytes] = []

    def fed() -> bool:
        heard.clear()
        with suppress(BlockingIOError):
            while True:
                heard.append(manager.recv(4096))
        return b"WATCHDOG=1" in heard

    box.until(fed, "fed the watchdog")
    box.kiosk.vitals.add("wedged", lambda: 60.0, 1.0)
    fed()
    checks = [0]
    box.kiosk.vitals.add("looked at", lambda: checks.append(0) or 0.0, 1.0)
    box.until(lambda: len(checks) > 3, "looked for progress three times")
    assert not fed()

    box.kiosk.vitals.remove("wedged")
    box.until(fed, "fed the watchdog again")
    manager.close()


@pytest.mark.parametrize("part", ["registration", "volume", "page"])
def test_a_part_whose_greenlet_dies_is_started_again(site: Site, part: str) -> None:
    config = site.config()
    box = site.box(replace(config, page=replace(config.page, enabled=True, listen="127.0.0.1:0")))
    child = box.kiosk.supervisor._parts[part]

    child._greenlet.kill(RuntimeError("somebody killed it"), block=False)

    box.until(lambda: child.restarts == 1 and not child.down, f"restarted {part}")
    visitor = site.phone()
    visitor.dial()
    box.until_shows("ringing")
    box.act("down")
    assert box.status["volume_percent"] == 90
    assert box.kiosk.page.served.wait(10)


def test_a_part_that_cannot_be_kept_alive_ends_the_process_so_that_it_starts_afresh(site: Site) -> None:
    config = site.config()
    box = site.box(replace(config, service=replace(config.service, restart_limit=1)))
    child = box.kiosk.supervisor._parts["registration"]
    child._greenlet.kill(RuntimeError("once"), block=False)
    box.until(lambda: child.restarts == 1 and not child.down, "restarted")

    child._greenlet.kill(RuntimeError("twice"), block=False)

    with pytest.raises(RestartLimitError, match="registration failed 2 times"):
        box.kiosk.wait()


def test_dead_buttons_and_lights_come_alive_again(impatient: Box) -> None:
    box = impatient
    box.kiosk.panel._buttons._greenlet.kill()
    box.kiosk.panel.lights._greenlet.kill()

    box.until(lambda: box.kiosk.supervisor.status()["pins"]["restarts"] == 1, "restarted the buttons")
    box.until(lambda: box.kiosk.supervisor.status()["lights"]["restarts"] == 1, "restarted the lights")

    box.act("quiet")
    assert "do_not_disturb" in box.states


def test_a_page_whose_port_is_taken_is_served_as_soon_as_it_is_free(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.kiosk.page.RETRY_S", 0.05)
    config = site.config()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        box = site.box(replace(config, page=replace(config.page, enabled=True, listen=f"127.0.0.1:{port}")))
        box.until_shows("ready", "error")
        assert f"127.0.0.1:{port}" in box.status["troubles"]["page"]

    box.until(lambda: box.kiosk.page.url, "served its page", 30)
    assert HTTPClient("127.0.0.1", port).get("/status").status_code == 401  # it asks for its key
    assert box.status["troubles"] == {}


def test_a_stuck_button_is_reported_until_it_moves(site: Site) -> None:
    buttons = {**BUTTONS, "stuck": replace(BUTTONS["mute"], pin=22, stuck_s=10)}
    box = site.box(replace(site.config(), buttons=buttons))

    box.kiosk.panel._gesture("stuck", "stuck")
    box.until_shows("error")
    assert "button stuck" in box.status["troubles"]

    box.press("stuck")
    box.until(lambda: "error" not in box.states, "over it")


def test_a_button_that_was_taken_away_is_stuck_no_more(site: Site) -> None:
    box = site.box(replace(site.config(), buttons={**BUTTONS, "stuck": replace(BUTTONS["mute"], pin=22)}))
    for name in ("stuck", "mute"):
        box.kiosk.panel._gesture(name, "stuck")
    assert set(box.status["troubles"]) == {"button stuck", "button mute"}

    box.kiosk.panel.wire(BUTTONS, box.kiosk.config.lights)

    assert box.status["troubles"] == {}


def test_each_light_has_a_trouble_of_its_own_until_it_is_lit_again(site: Site) -> None:
    broken = LightSettings(pin=22, ready="steady", error="flash 2 2000")
    box = site.box(replace(site.config(), lights={"one": broken, "two": replace(broken, pin=23)}))
    raws: list[Any] = [box.kiosk.pins.raw(pin) for pin in (22, 23)]
    drives = [raw._change_state for raw in raws]
    for raw in raws:
        raw._change_state = refuse

    box.kiosk.board.trouble("test", "something else, so that they flash")
    box.until(lambda: {"light one", "light two"} <= set(box.status["troubles"]), "told of both")
    assert "light one cannot be lit: GPIO22" in box.status["troubles"]["light one"]

    raws[0]._change_state = drives[0]
    box.until(lambda: "light one" not in box.status["troubles"], "lit it again")
    assert "light two" in box.status["troubles"]
    box.kiosk.panel.wire(BUTTONS, {"one": broken})
    assert set(box.status["troubles"]) == {"test"}


def refuse(_value: object) -> None:
    raise OSError("the line was released")
