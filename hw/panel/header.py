"""The 40 positions of a Raspberry Pi's header, and which GPIO each one is. Pure.

Since the Model B+ all boards have the same (raspberrypi.com, documentation of the GPIO header).
"""

from __future__ import annotations

POWER_3V3, POWER_5V, GROUND = "3.3 V", "5 V", "ground"

# In rows, as the header has them: the odd position, the even one.
_ROWS = (
    (POWER_3V3, POWER_5V), (2, POWER_5V), (3, GROUND), (4, 14), (GROUND, 15), (17, 18), (27, GROUND), (22, 23),
    (POWER_3V3, 24), (10, GROUND), (9, 25), (11, 8), (GROUND, 7), (0, 1), (5, GROUND), (6, 12), (13, GROUND),
    (19, 16), (26, 20), (GROUND, 21),
)  # fmt: skip
POSITIONS: dict[int, int | str] = dict(enumerate((what for row in _ROWS for what in row), start=1))
HEADER_GPIOS = frozenset(what for what in POSITIONS.values() if isinstance(what, int))


def explain_pin(number: int) -> str:
    """Say why GPIO `number` is not on the header, and what may have been meant."""
    there = POSITIONS.get(number)
    if there is None:
        return f"GPIO {number} is not on the header, which has GPIO 0 to 27; name the chip of another board in box.chip"
    is_what = f"GPIO {there}" if isinstance(there, int) else f"no GPIO but {there}"
    return f"GPIO {number}: that is a header position; header {number} is {is_what}"
