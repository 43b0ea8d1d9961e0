"""Turns every light off and releases the door: `python -m agent.release CONFIG`, for when the agent no longer can.

systemd runs it after each end of the service, however that came about: a pin may keep its level when its process dies.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from agent.config import Config, load
from agent.errors import ConfigError
from hw.errors import PinError
from hw.pins import Pins, open_factory


def outputs(config: Config) -> Iterator[tuple[int, bool]]:
    """Each output pin of the box and whether it is active low."""
    for light in config.lights.values():
        for pin in (light.pin, light.red, light.green, light.blue):
            if pin is not None:
                yield pin, light.active_low
    if config.door.pin is not None:
        yield config.door.pin, config.door.active_low


def release(config: Config, pins: Pins) -> list[str]:
    """Drive every output to off; what went wrong, a line for each pin that cannot be driven."""
    problems = []
    for number, active_low in outputs(config):
        try:
            pins.output(number, active_low=active_low)  # an output is off from the moment it is one
        except PinError as error:
            problems.append(str(error))
    return problems


def main(arguments: list[str]) -> int:
    """Release the outputs that the settings file names; 0 done, 1 failed, 2 wrong usage or settings."""
    if len(arguments) != 1:
        print("usage: python -m agent.release CONFIG", file=sys.stderr)
        return 2
    try:
        config = load(arguments[0])
        pins = open_factory(config.box.pins, config.box.chip)
    except (ConfigError, PinError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    problems = release(config, pins)
    pins.close()
    print("\n".join(problems), end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
