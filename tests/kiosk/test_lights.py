"""One light that knows every state, through a day of the box."""

from __future__ import annotations

from dataclasses import replace

from hw.panel.settings import STATES, LightSettings
from tests.kiosk.stage import VISITOR_HZ, Box, Site

LIGHT_PIN = 25


def until_shows(box: Box, state: str) -> None:
    """Wait until the most important thing to show is this."""
    box.until(lambda: box.status["lights"]["all"]["state"] == state, f"showed {state}")


def test_the_light_follows_everything_that_happens(site: Site) -> None:
    all_states = LightSettings(pin=LIGHT_PIN, **dict.fromkeys(STATES, "steady"))
    box = site.box(replace(site.config(), lights={"all": all_states}), ready=False)
    visitor = site.phone()
    seen = ["booting"]
    assert box.status["lights"]["all"]["state"] in ("booting", "ready")

    def then(state: str) -> None:
        until_shows(box, state)
        seen.append(state)

    then("ready")
    box.press("quiet")
    then("do_not_disturb")
    box.press("quiet")
    then("ready")

    visitor.dial()
    then("ringing")
    box.press("accept")
    then("in_call")
    box.press("mute")
    then("muted")
    box.press("door")
    then("door_open")
    then("muted")
    box.press("mute")
    then("in_call")
    visitor.call.disconnect()
    then("ready")

    box.press("call")
    then("dialling")
    visitor.until_told("incoming")
    visitor.call.accept()
    then("in_call")
    box.until_hears(VISITOR_HZ)
    box.kiosk.device.network_changed()
    then("reconnecting")
    then("in_call")
    box.press("hangup")
    then("ready")

    box.sound.pull_out()
    then("no_sound")
    box.kiosk.board.trouble("token", "refused")
    then("error")
    box.kiosk.board.trouble("token", "")
    box.sound.put_back()
    then("ready")
    site.stop()
    then("offline")

    assert set(seen) == set(STATES) - {"held"}  # only by SIP: tests/kiosk/test_sip_box.py


def test_the_lights_are_off_when_the_box_ends(site: Site) -> None:
    box = site.box(replace(site.config(), lights={"all": LightSettings(pin=LIGHT_PIN, ready="steady")}))
    lamp = box.kiosk.pins.raw(LIGHT_PIN)
    box.until(lambda: lamp.state, "lit")
    levels: list[float] = []
    drive = lamp._change_state

    def note(value: float) -> bool:
        levels.append(value)
        return bool(drive(value))

    lamp._change_state = note
    box.kiosk.stop()

    assert not levels[-1]
