"""A box with a real sound card, as far as PortAudio and ALSA can tell: calls, ring device, mixer, losing the card."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import gevent
import pytest
from gevent.subprocess import Popen

from bench.rig.virtual_cards import VirtualCards, shared_cards
from hw.sound.frame import FRAME_BYTES
from hw.sound.volume import CardMixer
from tests.kiosk.ear import Ear
from tests.kiosk.stage import PATIENCE_S, VISITOR_HZ, Box, Listener, Phone, Site
from tests.kiosk.test_call_sounds import BELL_HZ, write_wav

pytestmark = pytest.mark.sound

SPEECH_HZ = 800  # what the microphone hears


class Loudspeaker(Listener):
    """Hears what comes out of a virtual speaker."""

    def __init__(self, site: Site, name: str) -> None:
        super().__init__()
        self.ear = Ear(site.mailbox, self.tell)
        command = ["parec", "--raw", "--rate=48000", "--channels=1", "--format=s16le", "--latency-msec=20",
                   "-d", f"spk_{name}.monitor"]  # fmt: skip
        self._process = Popen(command, stdout=subprocess.PIPE, bufsize=0)
        self._reader = gevent.spawn(self._read)

    def until_plays(self, *hz: float) -> None:
        """Wait until exactly one of these pitches comes out."""
        self.until_hears_any(*((one,) for one in hz))

    def close(self) -> None:
        self._reader.kill()
        self._process.terminate()
        self._process.wait()

    def _read(self) -> None:
        waiting = b""
        while data := self._process.stdout.read(FRAME_BYTES):
            waiting += data
            while len(waiting) >= FRAME_BYTES:
                self.ear(waiting[:FRAME_BYTES])
                waiting = waiting[FRAME_BYTES:]


@pytest.fixture
def cards() -> Iterator[VirtualCards]:
    yield shared_cards()
    shared_cards()


@pytest.fixture
def speaker(site: Site, cards: VirtualCards) -> Iterator[Callable[[str], Loudspeaker]]:
    opened: list[Loudspeaker] = []

    def listen(name: str) -> Loudspeaker:
        opened.append(Loudspeaker(site, name))
        return opened[-1]

    yield listen
    for one in opened:
        one.close()


def carded(site: Site, **sound: object) -> Box:
    """A box on the first virtual card."""
    settings = {"capture": "vmic_a", "playback": "vspk_a", "echo": "none", "noise_suppression": False,
                "volume_percent": 100, "retry_max_ms": 500}  # fmt: skip
    config = site.config()
    box = site.box(
        replace(config, sound=replace(config.sound, **(settings | sound))),  # type: ignore[arg-type]
        real_sound=True,
    )
    box.until(lambda: box.status["sound"]["state"] == "open", "opened its card")
    return box


def talk(box: Box, visitor: Phone) -> None:
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    box.until_shows("in_call")


def test_both_hear_each_other_over_the_card(
    site: Site, cards: VirtualCards, speaker: Callable[[str], Loudspeaker], visitor: Phone, tmp_path: Path
) -> None:
    box = carded(site)
    talk(box, visitor)

    speaker("a").until_plays(VISITOR_HZ)
    speech = cards.say("a", Path(write_wav(tmp_path / "speech.wav", SPEECH_HZ, seconds=10)))
    visitor.until_hears(SPEECH_HZ)
    speech.kill()
    speech.wait()


def test_the_bell_rings_on_its_own_device_and_speech_stays_on_the_speaker(
    site: Site, speaker: Callable[[str], Loudspeaker], visitor: Phone
) -> None:
    box = carded(site, ring="vspk_b")
    bell, voice = speaker("b"), speaker("a")

    visitor.dial()
    bell.until_plays(*BELL_HZ)
    assert voice.ear.loudness() < 10

    box.press("accept")
    voice.until_plays(VISITOR_HZ)
    assert not bell.ear.hears(VISITOR_HZ)


def test_the_volume_buttons_turn_the_mixer_of_the_card(site: Site, cards: VirtualCards) -> None:
    box = carded(site)
    box.until(lambda: box.kiosk.volume.on_card, "found the mixer")
    mixer = CardMixer("vspk_a")

    box.act("down")
    with gevent.Timeout(PATIENCE_S):
        while mixer.get() != 90:  # the sound server tells nobody here
            gevent.sleep(0.05)

    assert box.kiosk.sound.mixer.gain == 1.0
    cards.pactl("set-sink-volume", "spk_a", "100%")


def test_a_bell_is_heard_although_the_speaker_is_turned_down(
    site: Site, speaker: Callable[[str], Loudspeaker], visitor: Phone
) -> None:
    box = carded(site, ring="vspk_b", volume_control="software", volume_percent=0)

    visitor.dial()

    speaker("b").until_plays(*BELL_HZ)
    assert box.status["volume_percent"] == 0


def test_a_card_that_is_muted_meanwhile_is_shown_until_a_volume_button_is_pressed(
    site: Site, cards: VirtualCards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.kiosk.speaker_volume.LOOK_S", 0.05)
    box = carded(site)
    box.until(lambda: box.kiosk.volume.on_card, "found the mixer")

    cards.pactl("set-sink-mute", "spk_a", "1")
    box.until_shows("error")
    assert "the sound card is muted" in box.status["sound"]["reason"]
    assert "the sound card is muted" in box.status["troubles"]["volume"]

    box.press("down")
    box.until(lambda: "error" not in box.states, "ended the mute")
    assert cards.pactl("get-sink-mute", "spk_a") == "Mute: no"


def test_a_card_that_is_unplugged_in_a_call_comes_back_into_it(
    site: Site, cards: VirtualCards, speaker: Callable[[str], Loudspeaker], visitor: Phone
) -> None:
    box = carded(site)
    talk(box, visitor)
    speaker("a").until_plays(VISITOR_HZ)

    cards.unplug()
    box.until_shows("no_sound", "in_call")

    cards.plug()
    box.until(lambda: "no_sound" not in box.states, "sound again")
    speaker("a").until_plays(VISITOR_HZ)
    assert visitor.call.status() == "open"


def until_rests(box: Box) -> None:
    rest = box.kiosk.sound._keeper.rest  # type: ignore[attr-defined]
    with gevent.Timeout(20):
        while not rest.is_on:  # nobody is told
            gevent.sleep(0.02)


def test_a_box_at_rest_rings_at_once_and_shows_a_card_that_is_pulled_out(
    site: Site, cards: VirtualCards, speaker: Callable[[str], Loudspeaker], visitor: Phone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("hw.sound.card_rest.AFTER_S", 0.2)
    box = carded(site)
    until_rests(box)
    bell = speaker("a")
    visitor.dial()
    bell.until_plays(*BELL_HZ)
    visitor.call.disconnect()
    box.until_calm()
    until_rests(box)
    assert "no_sound" not in box.states

    cards.kill()
    box.until_shows("no_sound")

    cards.start()
    box.until(lambda: "no_sound" not in box.states, "has sound again")


def test_without_a_card_the_box_takes_calls_and_shows_that_it_has_no_sound(
    site: Site, cards: VirtualCards, visitor: Phone
) -> None:
    config = site.config()
    lost = replace(config.sound, capture="no such card", playback="no such card", retry_max_ms=500)
    box = site.box(replace(config, sound=lost), real_sound=True)

    box.until_shows("ready", "no_sound")
    talk(box, visitor)

    assert "no such card" in box.status["sound"]["reason"]
    assert box.status["call"]["status"] == "open"


def test_the_devices_that_the_box_sees_are_listed_with_what_they_are_used_for(site: Site, cards: VirtualCards) -> None:
    box = carded(site, ring="vspk_b")
    told = box.kiosk.box.sound()
    assert (told["has_cards"], told["problem"]) == (True, "")
    assert told["wanted"] == {"capture": "vmic_a", "playback": "vspk_a", "ring": "vspk_b"}
    used = {role: one["name"] for one in told["devices"] for role in one["used_for"]}
    assert used == {"capture": "vmic_a", "playback": "vspk_a", "ring": "vspk_b"}
    assert box.kiosk.box.sound()["devices"] == told["devices"]


def test_the_test_tone_comes_out_of_the_card(
    site: Site, cards: VirtualCards, speaker: Callable[[str], Loudspeaker]
) -> None:
    box, heard = carded(site), speaker("a")
    box.kiosk.box.play_tone()
    heard.until(lambda: heard.ear.loudness() > 500, "played the tone")
    box.until_told("test tone")
    assert box.kiosk.box.sound()["tone"]["tested"]["outcome"] in ("ok", "warning", "failed")
