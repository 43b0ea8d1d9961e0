from __future__ import annotations

import dataclasses
from typing import Any

from agent.config import Config
from agent.config.settings import BoxSettings
from agent.doctor import Outcome, all_checks, run, succeeded
from agent.media.bridge import Bridge
from hw.panel.settings import ButtonSettings
from hw.sound.settings import SoundSettings
from hw.sound.wav_sound import WavSound


def test_a_healthy_virtual_box_passes_every_check(site: Any, bridge: Bridge) -> None:
    config = dataclasses.replace(
        Config(),
        box=BoxSettings(pins="mock"),
        buttons={"green": ButtonSettings(pin=17, short="accept")},
        sound=SoundSettings(driver="none"),
        signaling=site.settings,
    )
    tests = all_checks(config, lambda: site.switchboard.mint("lobby"), WavSound, lambda: bridge)

    checks = list(run(tests))

    assert [check.name for check in checks] == [name for name, _ in tests]
    assert succeeded(checks), [check for check in checks if check.outcome is Outcome.FAILED]
