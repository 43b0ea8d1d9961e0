"""Checks of the board: its chip, its pins, and what this user may do."""

from __future__ import annotations

import getpass
import grp
import os
import platform
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from agent.config import Config
from agent.doctor.checklist import Check, failed, ok, warning
from hw.errors import PinError
from hw.panel.chips import find_chip, is_raspberry_pi, list_chips
from hw.panel.pins import Pins, open_factory

MODEL = Path("/proc/device-tree/model")


def check_board() -> Check:
    """Tell which computer this is."""
    try:
        model = MODEL.read_bytes().rstrip(b"\0").decode(errors="replace")
    except OSError:
        model = "no Raspberry Pi"
    system = platform.system()
    with suppress(OSError):
        system = platform.freedesktop_os_release().get("PRETTY_NAME", system)
    return ok("board", f"{model}, {platform.machine()}, {system}, Python {platform.python_version()}")


def check_chip(config: Config) -> Check:
    """Tell which GPIO chip drives the panel, by its label."""
    if config.box.pins == "mock":
        return ok("gpio chip", "not needed: pins = 'mock', the panel is virtual")
    try:
        chips = list_chips()
    except PinError as error:
        return failed("gpio chip", str(error), "join the group, or run the service as a member of it")
    there = ", ".join(f"gpiochip{chip.number} {chip.label}" for chip in chips) or "none"
    chip = find_chip(chips, config.box.chip)
    if chip is not None:
        return ok("gpio chip", f"{chip.label} is gpiochip{chip.number}, {chip.lines} lines (all: {there})")
    if config.box.pins != "auto" or config.box.chip or is_raspberry_pi():
        return failed("gpio chip", f"not found (there are: {there})", "set box.chip to a label, or box.pins to 'mock'")
    return warning("gpio chip", f"not found (there are: {there}): the panel is virtual", "fine, unless this is a Pi")


def check_pins(config: Config, open_pins: Callable[[str, str], Pins] = open_factory) -> Check:
    """Check whether each pin of the panel can be opened, and no button is down."""
    try:
        pins = open_pins(config.box.pins, config.box.chip)
    except PinError as error:
        return failed("pins", str(error), "mend the chip first (the line above)")
    try:
        count, down = _try_pins(config, pins)
    except PinError as error:
        return failed("pins", str(error), "if the service is running it holds the pins: systemctl stop kiosk-agent")
    finally:
        pins.close()
    if down:
        remedy = "let it go; else look for a short circuit, and at pull and active_low"
        return warning("pins", f"read as pressed: {', '.join(down)}", remedy)
    return ok("pins", f"{count} pins can be used, no button is down")


def check_groups(config: Config) -> Check:
    """Check whether this user belongs to the groups that own the pins and the sound card."""
    needed = [name for name, is_needed in _groups(config).items() if is_needed]
    user = getpass.getuser()
    if os.geteuid() == 0:
        return ok("groups", "root may do everything")
    if missing := missing_groups(config):
        command = f"sudo usermod -aG {','.join(missing)} {user}"
        return failed("groups", f"{user} is not in {', '.join(missing)}", f"{command}, then log in again")
    return ok("groups", f"{user} is in {', '.join(needed)}" if needed else "none needed")


def missing_groups(config: Config) -> list[str]:
    """List the groups that this user would have to belong to, and does not."""
    if os.geteuid() == 0:
        return []
    return [name for name, is_needed in _groups(config).items() if is_needed and not _is_member(name)]


def _try_pins(config: Config, pins: Pins) -> tuple[int, list[str]]:
    down, count = [], 0
    for name, button in config.buttons.items():
        count += 1
        if pins.input(button.pin, pull=button.pull, active_low=button.active_low).active:
            down.append(name)
    for light in config.lights.values():
        for number in (light.pin, light.red, light.green, light.blue):
            if number is not None:
                count += 1
                pins.output(number, active_low=light.active_low)
    for door in config.all_doors().values():
        if door.pin is not None:
            count += 1
            pins.output(door.pin, active_low=door.active_low)
    return count, down


def _groups(config: Config) -> dict[str, bool]:
    real_pins = config.box.pins != "mock" and any(Path("/dev").glob("gpiochip[0-9]*"))
    return {"gpio": real_pins, "audio": config.sound.driver == "alsa" and Path("/dev/snd").exists()}


def _is_member(name: str) -> bool:
    try:
        return grp.getgrnam(name).gr_gid in {os.getegid(), *os.getgroups()}
    except KeyError:  # a system without that group gives access in another way
        return True
