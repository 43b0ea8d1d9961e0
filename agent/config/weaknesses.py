"""What is taken as it stands but keeps few strangers out: key, and what would be better."""

from __future__ import annotations

from collections.abc import Iterator

from agent.config.sections import Config

FEW_DIGITS = 3
ROW = "0123456789" * 2


def weaknesses(config: Config) -> Iterator[tuple[str, str]]:
    """Find codes and passwords that are soon guessed."""
    code = config.door.code
    if code and len(code) <= FEW_DIGITS:
        yield "door.code", f"{10 ** len(code):,} codes are soon tried; better five digits or more"
    if code and (len(set(code)) == 1 or code in ROW or code[::-1] in ROW):
        yield "door.code", "it is among the first that anybody tries; better digits without an order"
    if config.page.password.isdecimal():
        yield "page.password", "25 guesses a second are answered, and it has digits only; better letters, too"
