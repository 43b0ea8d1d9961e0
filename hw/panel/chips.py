"""The GPIO chips of this machine, found by label.

Their numbers differ between boards, and moved between kernels on the Pi 5 (gpiozero#1166); their labels stay.
"""

from __future__ import annotations

import fcntl
import getpass
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hw.errors import PinError

BOARD_LABELS = ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835")  # Pi 5 · Pi 4 · Pi 0 to 3

_CHIP_INFO = struct.Struct("=32s32sI")
_GPIO_GET_CHIPINFO = 0x8044B401  # linux/gpio.h: _IOR(0xB4, 0x01, struct gpiochip_info)


class Chip(NamedTuple):
    """One GPIO chip of this machine."""

    number: int
    label: str
    lines: int


def list_chips(dev: Path = Path("/dev")) -> list[Chip]:
    """List every GPIO chip, by number; PinError if this user may not open one."""
    paths = sorted(dev.glob("gpiochip[0-9]*"), key=lambda path: int(path.name.removeprefix("gpiochip")))
    return [_read_chip(path) for path in paths]


def find_chip(chips: Iterable[Chip], label: str = "") -> Chip | None:
    """Find the chip with this label or, without one, the chip that leads to a Raspberry Pi's header."""
    by_label = {chip.label: chip for chip in chips}
    return next((by_label[name] for name in ((label,) if label else BOARD_LABELS) if name in by_label), None)


def is_raspberry_pi(model_file: Path = Path("/proc/device-tree/model")) -> bool:
    """Tell whether the device tree says that this is a Raspberry Pi."""
    with suppress(OSError):
        return model_file.read_bytes().startswith(b"Raspberry Pi")
    return False


def explain_missing(chips: Iterable[Chip], label: str) -> str:
    """Explain which chip was looked for, which there are, and what to do."""
    wanted = label or " or ".join(BOARD_LABELS)
    there = ", ".join(chip.label for chip in chips) or "none"
    return f"no GPIO chip labelled {wanted} (found: {there}); name this board's chip, or use pins = 'mock'"


def _read_chip(path: Path) -> Chip:
    try:
        with path.open("rb", buffering=0) as chip:
            info = fcntl.ioctl(chip, _GPIO_GET_CHIPINFO, bytes(_CHIP_INFO.size))
    except PermissionError as error:
        raise PinError(_may_not(path)) from error
    except OSError as error:
        raise PinError(f"{path} cannot be read as a GPIO chip: {error}") from error
    _, label, lines = _CHIP_INFO.unpack(info)
    return Chip(int(path.name.removeprefix("gpiochip")), label.rstrip(b"\0").decode("ascii", "replace"), lines)


def _may_not(path: Path) -> str:
    user = getpass.getuser()
    return (
        f"user {user!r} may not open {path}: put it into the group `gpio` (sudo usermod -aG gpio {user}) "
        "and log in again or restart the service"
    )
