"""Finding a device by its name, and the kernel's view of what is plugged in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hw.errors import SoundError
from hw.sound.backoff import Pauses
from hw.sound.devices import SoundDevice, find_device
from hw.sound.presence import card_numbers, holder, occupied

USB = SoundDevice(3, "USB PnP: Audio (hw:1,0)", 1, 2, 44_100)
HDMI = SoundDevice(0, "vc4-hdmi: MAI PCM i2s-hifi-0 (hw:0,0)", 0, 2, 48_000)
MICROPHONE = SoundDevice(4, "C-Media: USB Audio (hw:2,0)", 1, 0, 48_000)
DEFAULT = SoundDevice(7, "default", 32, 32, 48_000)
LISTED = [HDMI, USB, MICROPHONE, DEFAULT]
CARDS = {"vc4hdmi": 0, "Device": 1, "Mic": 2}


@pytest.mark.parametrize(
    ("wanted", "capture", "found"),
    [
        ("USB PnP: Audio (hw:1,0)", True, USB),
        ("usb pnp", False, USB),
        ("hw:2,0", True, MICROPHONE),
        ("hw:2", True, MICROPHONE),
        ("plughw:1,0", False, USB),
        ("plughw:CARD=Device,DEV=0", True, USB),
        ("hw:CARD=Mic", True, MICROPHONE),
        ("default", False, DEFAULT),
        ("USB", True, USB),
    ],
)
def test_a_device_is_found_by_any_of_its_names(wanted: str, capture: bool, found: SoundDevice) -> None:
    assert find_device(LISTED, wanted, capture, CARDS) == found


def test_default_is_the_first_usable_device_where_no_device_is_called_so() -> None:
    assert find_device([HDMI, USB], "default", True, {}) == USB


def test_an_unknown_name_is_refused_with_those_that_exist() -> None:
    with pytest.raises(SoundError, match=r"no microphone called 'Jabra' \(there are: USB PnP.*C-Media.*default\)"):
        find_device(LISTED, "Jabra", True, CARDS)


def test_a_device_that_cannot_do_it_is_named() -> None:
    with pytest.raises(SoundError, match=r"vc4-hdmi.* cannot capture, or another program uses it"):
        find_device(LISTED, "hdmi", True, CARDS)


def test_a_machine_without_any_card_says_so() -> None:
    with pytest.raises(SoundError, match=r"there are: none"):
        find_device([], "default", False, {})


def test_the_kernels_list_of_cards_is_understood() -> None:
    text = """\
 0 [vc4hdmi        ]: vc4-hdmi - vc4-hdmi
                      vc4-hdmi
 1 [Device         ]: USB-Audio - USB PnP Sound Device
                      C-Media Electronics Inc. USB PnP Sound Device at usb-0000:01:00.0-1.2, full speed
"""
    assert card_numbers(text) == {"vc4hdmi": 0, "Device": 1}
    assert card_numbers("--- no soundcards ---\n") == {}


@pytest.fixture
def asound(tmp_path: Path) -> Path:
    """The kernel's view of one card whose microphone this process's parent holds, and whose speaker this one holds."""
    (tmp_path / "cards").write_text(" 1 [Device         ]: USB-Audio - USB PnP Sound Device\n  C-Media at usb\n")
    for stream, status in (
        ("pcm0c", f"state: RUNNING\nowner_pid   : {os.getppid()}\n"),
        ("pcm0p", f"state: RUNNING\nowner_pid   : {os.getpid()}\n"),
        ("pcm1c", "closed\n"),
    ):
        (tmp_path / "card1" / stream / "sub0").mkdir(parents=True)
        (tmp_path / "card1" / stream / "sub0" / "status").write_text(status)
    return tmp_path


def test_what_other_programs_hold_is_known(asound: Path) -> None:
    assert occupied(asound) == [("card1/pcm0c", os.getppid())]


@pytest.mark.parametrize("wanted", ["USB PnP", "hw:1,0", "plughw:CARD=Device,DEV=0"])
def test_the_program_that_holds_a_card_is_named(asound: Path, wanted: str) -> None:
    assert f"(process {os.getppid()})" in holder(wanted, True, asound)
    assert holder(wanted, False, asound) == ""


def test_no_holder_is_named_for_another_card(asound: Path) -> None:
    assert holder("hw:2,0", True, asound) == ""
    assert holder("Jabra", True, asound) == ""


def test_pauses_grow_to_their_limit_and_start_again() -> None:
    pauses = Pauses(0.25, 1.5)
    assert [pauses.take_s() for _ in range(5)] == [0.25, 0.5, 1.0, 1.5, 1.5]
    pauses.reset()
    assert pauses.take_s() == 0.25


# --- names that ALSA has and PortAudio has not ---

VC4_0 = SoundDevice(0, "vc4-hdmi-0: MAI PCM i2s-hifi-0 (hw:0,0)", 0, 2, 48_000)
VC4_1 = SoundDevice(1, "vc4-hdmi-1: MAI PCM i2s-hifi-0 (hw:1,0)", 0, 2, 48_000)
INTEL = [SoundDevice(2, "HDA Intel PCH: ALC (hw:2,0)", 2, 2, 48_000),
         SoundDevice(3, "HDA Intel PCH: HDMI 0 (hw:2,3)", 0, 8, 48_000),
         SoundDevice(4, "HDA Intel PCH: HDMI 1 (hw:2,7)", 0, 8, 48_000)]  # fmt: skip
HEADSET = SoundDevice(5, "Headset: USB Audio (hw:3,0)", 1, 2, 48_000)
NAMED = SoundDevice(9, "hdmi:CARD=vc4hdmi1,DEV=0", 0, 2, 48_000)
BOARD = [VC4_0, VC4_1, *INTEL, HEADSET]
BOARD_CARDS = {"vc4hdmi0": 0, "vc4hdmi1": 1, "PCH": 2, "Headset": 3}


@pytest.mark.parametrize(
    ("wanted", "capture", "found"),
    [
        ("sysdefault:CARD=vc4hdmi0", False, VC4_0),
        ("sysdefault:CARD=vc4hdmi1", False, VC4_1),
        ("hdmi:CARD=vc4hdmi1,DEV=0", False, VC4_1),
        ("hdmi:vc4hdmi0", False, VC4_0),
        ("hdmi:CARD=PCH,DEV=0", False, INTEL[1]),
        ("hdmi:CARD=PCH,DEV=1", False, INTEL[2]),
        ("dsnoop:CARD=Headset,DEV=0", True, HEADSET),
        ("dsnoop:3", True, HEADSET),
        ("dmix:CARD=Headset", False, HEADSET),
        ("front:CARD=PCH,DEV=0", False, INTEL[0]),
        ("hw:CARD=Headset,DEV=0,SUBDEV=0", True, HEADSET),
        ("plughw:3,0,0", True, HEADSET),
        ("default:CARD=Headset", True, HEADSET),
    ],
)
def test_a_name_of_alsas_leads_to_its_card(wanted: str, capture: bool, found: SoundDevice) -> None:
    assert find_device(BOARD, wanted, capture, BOARD_CARDS) == found


def test_a_device_that_was_given_the_whole_name_wins() -> None:
    assert find_device([*BOARD, NAMED], "hdmi:CARD=vc4hdmi1,DEV=0", False, BOARD_CARDS) == NAMED


@pytest.mark.parametrize("wanted", ["sysdefault:CARD=Gone", "hdmi:CARD=vc4hdmi0,DEV=7", "dsnoop:CARD=vc4hdmi0"])
def test_a_card_that_is_not_there_is_not_replaced_by_another(wanted: str) -> None:
    with pytest.raises(SoundError, match="there is no microphone called"):
        find_device(BOARD, wanted, True, BOARD_CARDS)


# --- default ---

PULSE_OUT = SoundDevice(8, "default", 0, 2, 48_000)
SPEAKER = SoundDevice(6, "Amp: I2S (hw:4,0)", 0, 2, 48_000)


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ([VC4_0, HEADSET], HEADSET),
        ([MICROPHONE, VC4_0, HEADSET], HEADSET),
        ([VC4_0, HEADSET, PULSE_OUT], HEADSET),
        ([VC4_0, HEADSET, DEFAULT], DEFAULT),
    ],
)
def test_microphone_and_speaker_by_default_are_of_one_card(listed: list[SoundDevice], found: SoundDevice) -> None:
    assert find_device(listed, "default", True, {}) == find_device(listed, "default", False, {}) == found


@pytest.mark.parametrize("capture", [True, False])
def test_two_strangers_are_never_taken_for_one_card(capture: bool) -> None:
    with pytest.raises(SoundError, match="no card has both a microphone and a speaker"):
        find_device([VC4_0, SPEAKER, MICROPHONE], "default", capture, {})


def test_a_box_that_only_speaks_or_only_listens_needs_no_other_half() -> None:
    assert find_device([VC4_0, SPEAKER], "default", False, {}) == VC4_0
    assert find_device([VC4_0, MICROPHONE], "default", False, {}, alone=True) == VC4_0
    assert find_device([VC4_0, MICROPHONE, PULSE_OUT], "default", False, {}, alone=True) == PULSE_OUT
