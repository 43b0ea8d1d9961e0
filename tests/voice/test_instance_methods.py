"""A Device is an object here, not one that all share."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from agent import Device
from agent.errors import NotSupportedError


@pytest.mark.parametrize("name", ["connect", "setup", "destroy", "ready", "on", "once", "status", "disconnect_all",
                                  "remove_all_listeners", "update_token", "region", "emit"])  # fmt: skip
@pytest.mark.parametrize("arguments", [(), ({"To": "alice"},), ("a-token",), (print,)])
def test_a_method_called_on_the_class_says_how_it_is_meant(name: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=rf"Device\.{name}\(\).*device = Device\(token\).*device\.{name}\(\)") as raised:
        getattr(Device, name)(*arguments)

    assert isinstance(raised.value, NotSupportedError)


def test_objects_and_kinds_of_devices_are_as_ever() -> None:
    class OwnDevice(Device):
        def destroy(self) -> None:
            self.ended = True
            super().destroy()

    device = OwnDevice()
    Device.on(device, "ready", print)
    device.destroy()

    assert device.ended and not device.is_initialized
    assert inspect.signature(device.connect).parameters["params"].default is None
    assert "Place a call" in (Device.connect.__doc__ or "")
    assert Device.version and Device.is_supported
