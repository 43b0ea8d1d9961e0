"""Constraints of a capture, however they are written."""

from __future__ import annotations

from typing import Any

import pytest

from agent.voice.constraints import modern

from .conftest import World


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ({"optional": [{"sourceId": "usb"}]}, {"deviceId": "usb"}),
        ({"optional": [{"sourceId": "usb"}, {"sourceId": "other"}]}, {"deviceId": "usb"}),
        ({"optional": [{"googEchoCancellation": False}, {"googNoiseSuppression": True, "googAutoGainControl": False}]},
         {"echoCancellation": False, "noiseSuppression": True, "autoGainControl": False}),
        ({"mandatory": {"sourceId": "usb"}}, {"deviceId": {"exact": "usb"}}),
        ({"mandatory": {"googEchoCancellation": False}}, {"echoCancellation": {"exact": False}}),
        ({"mandatory": {"sourceId": "a"}, "optional": [{"sourceId": "b"}]}, {"deviceId": {"exact": "a"}}),
        ({"deviceId": "new", "optional": [{"sourceId": "old"}]}, {"deviceId": "new"}),
        ({"deviceId": {"exact": "a"}, "echoCancellation": {"ideal": True}},
         {"deviceId": {"exact": "a"}, "echoCancellation": {"ideal": True}}),
        ({"optional": "nonsense"}, {}), ({"optional": [5, None]}, {}), ({"mandatory": 5}, {}), (True, {}), (None, {}),
    ],
)  # fmt: skip
def test_constraints_are_understood_however_they_are_written(written: Any, means: dict[str, Any]) -> None:
    assert modern(written) == means


def test_the_page_s_own_example_chooses_the_microphone(world: World) -> None:
    call = world.rings()
    call.accept({"optional": [{"sourceId": "usb-in"}]})
    world.run()

    assert world.session.constraints == {"deviceId": "usb-in"}


def test_the_device_s_constraints_may_be_written_so_too(make_world: Any) -> None:
    world = make_world(audio_constraints={"optional": [{"sourceId": "usb-in"}, {"googEchoCancellation": False}]})
    world.talks()

    assert world.session.constraints == {"deviceId": "usb-in", "echoCancellation": False}
