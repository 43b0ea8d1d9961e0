"""Devices that only ALSA can name are opened under those names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.rig.virtual_cards import shared_cards
from hw.sound.alsa_names import configuration, is_alsa_only
from hw.sound.volume import control_device

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("sysdefault:CARD=vc4hdmi0", True),
        ("hdmi:CARD=vc4hdmi0,DEV=0", True),
        ("dsnoop:1,0", True),
        ("pipewire:NODE=alsa_output.platform-fef00700.hdmi.hdmi-stereo", True),
        ("plug:vmic_a", True),
        ("hw:1,0", False),
        ("plughw:CARD=Device,DEV=0", False),
        ("default", False),
        ("USB PnP: Audio (hw:1,0)", False),
        ('x:"} pcm.!default { type null', False),
        ("x:\x1b[2J", False),
    ],
)
def test_which_names_portaudio_cannot_list(name: str, is_one: bool) -> None:
    assert is_alsa_only(name) is is_one


def test_each_gets_a_name_of_its_own_in_alsas_configuration() -> None:
    assert configuration({"kiosk_1": "hdmi:CARD=x"}) == 'pcm.kiosk_1 "hdmi:CARD=x"\n'


@pytest.mark.parametrize(
    ("playback", "device"),
    [("sysdefault:CARD=vc4hdmi0", "hw:vc4hdmi0"), ("USB: Audio (hw:1,0)", "hw:1"), ("vspk_a", "vspk_a")],
)
def test_the_mixer_of_such_a_device_is_its_cards(playback: str, device: str) -> None:
    assert control_device(playback) == device


@pytest.mark.sound
def test_such_a_device_can_be_opened_and_is_called_by_its_name(tmp_path: Path) -> None:
    script = (
        "from hw.sound.card import AlsaSound, available_devices\n"
        "from hw.sound.interface import SoundState\n"
        "from hw.sound.settings import SoundSettings\n"
        "import threading\n"
        "opened = threading.Event()\n"
        "sound = AlsaSound(SoundSettings(capture='far:DEV=micsrc_a', playback='far:DEV=spk_a', echo='none'))\n"
        "sound.on_state = lambda state, why: opened.set() if state is SoundState.OPEN else None\n"
        "sound.start()\n"
        "assert opened.wait(30), sound.reason\n"
        "print(sorted(sound.stats().devices.values()))\n"
        "sound.close()\n"
    )
    cards = shared_cards()  # used in a process of its own: libasound reads its configuration once
    (tmp_path / "asound.conf").write_text(
        f"<{cards.environment['ALSA_CONFIG_PATH']}>\n"
        "pcm.far { @args [ DEV ] @args.DEV { type string } "
        f'type pulse server "unix:{cards.socket}" device $DEV }}\n'
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False,
                          env=os.environ | {"ALSA_CONFIG_PATH": str(tmp_path / "asound.conf")})  # fmt: skip

    assert done.stdout == "['far:DEV=micsrc_a', 'far:DEV=spk_a']\n", done.stderr
