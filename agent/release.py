"""Turns every light off and releases the door: `python -m agent.release CONFIG`, for when the agent no longer can.

systemd runs it after each end of the service, however that came about: a pin may keep its level when its process dies.
Settings that the agent would not run with must not leave a door open, so all that is asked of them here is which
outputs they name.
"""

from __future__ import annotations

import sys
from pathlib import Path

from agent.config.outputs import outputs_of
from agent.errors import ConfigError
from agent.terminal import say
from hw.errors import PinError
from hw.panel.all_off import put_to_rest
from hw.panel.pins import open_factory


def main(arguments: list[str]) -> int:
    """Release the outputs that the settings file names; 0 done, 1 not all of them, 2 wrong usage or no file."""
    if len(arguments) != 1:
        say("usage: python -m agent.release CONFIG", to=sys.stderr)
        return 2
    try:
        outputs = outputs_of(Path(arguments[0]))
        problems = [f"{arguments[0]}: {problem}" for problem in outputs.problems]
        put_to_rest(open_factory(outputs.pins, outputs.chip), outputs.lights, *outputs.doors)
    except ConfigError as error:
        say(error, to=sys.stderr)
        return 2
    except PinError as error:
        problems.append(str(error))
    for problem in problems:
        say(problem, to=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
