"""What is heard in front of the box while calls come, go, and fail."""

from __future__ import annotations

import wave
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from hw.sound.frame import RATE_HZ
from hw.sound.settings import SoundSettings
from tests.kiosk.stage import BUSY_US_HZ, BUTTONS, VISITOR_HZ, Box, Phone, Site, button, tone

BELL_HZ = (1050, 1320)
RINGBACK_US_HZ = (440, 480)
RINGBACK_GB_HZ = (400, 450)
CONNECTED_HZ = 783.99  # the second of two rising notes
DISCONNECTED_HZ = 523.25


def sounding(site: Site, **sound: object) -> Box:
    """A box with these settings of its sound."""
    return site.box(replace(site.config(), sound=replace(SoundSettings(volume_percent=100), **sound)))  # type: ignore[arg-type]


def write_wav(path: Path, hz: int, seconds: int = 1) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(tone(hz) * seconds)
    return str(path)


def until_rings(box: Box) -> None:
    box.until_hears_any(*((hz,) for hz in BELL_HZ))


def test_the_bell_rings_until_the_call_is_taken(box: Box, visitor: Phone) -> None:
    visitor.dial()
    until_rings(box)

    box.press("accept")

    box.until_hears(VISITOR_HZ)


def test_the_bell_is_silent_when_the_caller_gives_up(box: Box, visitor: Phone) -> None:
    visitor.dial()
    until_rings(box)

    visitor.call.disconnect()

    box.until_calm()
    box.until_quiet()


def test_an_own_file_rings(site: Site, visitor: Phone, tmp_path: Path) -> None:
    box = sounding(site, ring_file=write_wav(tmp_path / "bell.wav", 880))

    visitor.dial()

    box.until_hears(880)


def test_own_files_begin_and_end_a_call(site: Site, visitor: Phone, tmp_path: Path) -> None:
    box = sounding(
        site,
        connect_file=write_wav(tmp_path / "connect.wav", 1500),
        disconnect_file=write_wav(tmp_path / "disconnect.wav", 2000),
    )
    visitor.dial()
    box.until_shows("ringing")

    box.press("accept")
    box.until_hears_any((1500,), (1500, VISITOR_HZ))
    visitor.until_told("accept")  # or it would be a caller who gives up
    visitor.call.disconnect()

    box.until_hears(2000)


def test_a_file_that_has_gone_rings_as_usual(site: Site, visitor: Phone, tmp_path: Path) -> None:
    box = sounding(site, ring_file=str(tmp_path / "gone.wav"))

    visitor.dial()

    until_rings(box)


def test_the_bell_is_silent_in_the_quiet_hours_and_the_light_blinks(site: Site, visitor: Phone) -> None:
    now = datetime.now()
    hours = {"quiet_from": (now - timedelta(hours=1)).strftime("%H:%M"),
             "quiet_to": (now + timedelta(hours=1)).strftime("%H:%M")}  # fmt: skip
    box = sounding(site, quiet_volume_percent=0, **hours)
    loudest = 0.0

    def listen() -> bool:
        nonlocal loudest
        loudest = max(loudest, box.ear.loudness())
        return "ringing" in box.states and box.kiosk.panel.lights.snapshot()["call"] > 0

    visitor.dial()
    box.until(listen, "blinked")
    visitor.call.disconnect()
    box.until(lambda: listen() or box.states == {"ready"}, "calm")

    assert loudest == 0


def test_the_bell_rings_outside_the_quiet_hours(site: Site, visitor: Phone) -> None:
    now = datetime.now()
    hours = {"quiet_from": (now + timedelta(hours=1)).strftime("%H:%M"),
             "quiet_to": (now + timedelta(hours=2)).strftime("%H:%M")}  # fmt: skip
    box = sounding(site, quiet_volume_percent=0, **hours)

    visitor.dial()

    until_rings(box)


def test_in_do_not_disturb_nothing_rings(box: Box, visitor: Phone) -> None:
    box.press("quiet")
    box.until_shows("do_not_disturb")
    heard: list[float] = []
    box.kiosk.on("moment", lambda *_: heard.append(box.ear.loudness()))

    visitor.dial()
    visitor.until_told("error 31603")

    assert heard
    assert max(heard) == 0


def test_whoever_dials_hears_it_ring_at_the_other_end(box: Box, visitor: Phone) -> None:
    box.press("call")

    box.until_hears(*RINGBACK_US_HZ)
    visitor.call.accept()
    box.until_hears(VISITOR_HZ)


def test_the_tones_are_those_of_the_country(site: Site, visitor: Phone) -> None:
    box = sounding(site, tone_country="gb")

    box.press("call")

    box.until_hears(*RINGBACK_GB_HZ)


def test_a_busy_line_sounds_busy_and_nothing_else(site: Site) -> None:
    box = site.box(replace(site.config(), buttons={"call": button(2, short="call:busy")}))

    box.press("call")

    box.until_told("call failed 31486")
    box.until_hears(*BUSY_US_HZ)
    assert box.last_call["outcome"] == "busy"


def test_a_refused_call_sounds_busy(box: Box, visitor: Phone) -> None:
    box.press("call")
    visitor.until_told("incoming")

    visitor.call.reject()

    box.until_hears(*BUSY_US_HZ)


def test_the_next_call_ends_the_busy_tone(site: Site, visitor: Phone) -> None:
    buttons = {**BUTTONS, "busy": button(22, short="call:busy")}
    box = site.box(replace(site.config(), buttons=buttons))
    box.press("busy")
    box.until_hears(*BUSY_US_HZ)

    box.press("call")

    box.until_hears(*RINGBACK_US_HZ)


def test_whoever_gives_up_hears_nothing_more(box: Box, visitor: Phone) -> None:
    box.press("call")
    box.until_hears(*RINGBACK_US_HZ)

    box.press("hangup")

    box.until_calm()
    box.until_quiet()


def test_the_end_of_a_call_is_heard(box: Box, visitor: Phone) -> None:
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    box.until_hears(VISITOR_HZ)

    visitor.call.disconnect()

    box.until_hears(DISCONNECTED_HZ)
    box.until_quiet()


def test_a_call_that_answers_itself_says_so(site: Site, visitor: Phone) -> None:
    config = site.config()
    answering = replace(config.answering, auto_answer=("client:visitor",), auto_answer_delay_ms=0)
    box = site.box(replace(config, answering=answering))

    visitor.dial()

    box.until_hears_any((CONNECTED_HZ,), (CONNECTED_HZ, VISITOR_HZ))
