"""Turns every light off and releases the door: `python -m agent.release CONFIG`, for when the agent no longer can.

systemd runs it after each end of the service, however that came about: a pin may keep its level when its process dies.
"""

from __future__ import annotations

import sys

from agent.config import load
from agent.errors import ConfigError
from hw.errors import PinError
from hw.panel.all_off import put_to_rest
from hw.panel.pins import open_factory
from hw.words import harmless


def main(arguments: list[str]) -> int:
    """Release the outputs that the settings file names; 0 done, 1 failed, 2 wrong usage or settings."""
    if len(arguments) != 1:
        print("usage: python -m agent.release CONFIG", file=sys.stderr)
        return 2
    try:
        config = load(arguments[0])
        put_to_rest(open_factory(config.box.pins, config.box.chip), config.lights, config.door)
    except (ConfigError, PinError) as error:
        print(harmless(error), file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
