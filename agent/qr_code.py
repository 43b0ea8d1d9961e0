"""An address as a QR code in the terminal, for a phone that is held in front of it."""

from __future__ import annotations

from itertools import zip_longest

BORDER = 2  # modules; cameras ask for little of the four that ISO 18004 wants
HALVES = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}


def qr_code(text: str) -> list[str]:
    """Draw a QR code, as lines of half blocks that are bright where the code is; for `agent.terminal.draw`."""
    import segno  # most commands draw none

    rows = [[not dark for dark in row] for row in segno.make(text, error="l", micro=False).matrix_iter(border=BORDER)]
    pairs = zip_longest(rows[::2], rows[1::2], fillvalue=[False] * len(rows[0]))
    return ["".join(HALVES[both] for both in zip(upper, lower, strict=True)) for upper, lower in pairs]
