"""What is taken as it stands but keeps few strangers out: key, and what would be better."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agent.config.directory_contradictions import directory_doubts
from agent.config.door_contradictions import door_doubts
from agent.config.sections import Config
from agent.config.sip_contradictions import sip_doubts
from agent.switchboard.services import APPLICATION
from hw.panel.code_book import HashedCode

FEW_DIGITS = 3
KEY_CHARACTERS = 32  # of a secret of the voice service; also what HS256 wants at least (RFC 7518 section 3.2)
ROW = "0123456789" * 2


def weaknesses(config: Config) -> Iterator[tuple[str, str]]:
    """Find codes and passwords that are soon guessed, names that may be slips, and sections that nobody reads."""
    yield from sip_doubts(config)
    yield from directory_doubts(config)
    yield from door_doubts(config)
    code = config.door.code
    if code and len(code) <= FEW_DIGITS:
        yield "door.code", f"{10 ** len(code):,} codes are soon tried; better five digits or more"
    if code and (len(set(code)) == 1 or code in ROW or code[::-1] in ROW):
        yield "door.code", "it is among the first that anybody tries; better digits without an order"
    for name, named in config.codes.items():
        digits = HashedCode.parse(named.hash).digits
        if digits <= FEW_DIGITS:
            yield f"codes.{name}.hash", f"{10 ** digits:,} codes are soon tried; better five digits or more"
    if config.page.password.isdecimal():
        yield "page.password", "25 guesses a second are answered, and it has digits only; better letters, too"
    if 0 < len(config.token.api_key_secret) < KEY_CHARACTERS:
        yield "token.api_key_secret", f"those of the voice service have {KEY_CHARACTERS} characters; copy it whole"
    mqtt = config.mqtt
    if mqtt.user and not mqtt.tls and mqtt.host not in ("localhost", "127.0.0.1", "[::1]"):
        yield "mqtt.tls", "user and password can be read by everybody on the way to the broker; better tls = true"
    if config.token.key_file and _is_for_everybody(Path(config.token.key_file)):
        yield "token.key_file", (
            "it is the key of the whole site, with which this box could be anybody; better one of its own, from "
            "`kiosk-agent switchboard box add` there"
        )


def _is_for_everybody(path: Path) -> bool:
    """Whether it is a copy of a switchboard's own key; where that runs, it has to be."""
    from agent.signaling.token.fetch import TokenError, read_key  # loads TLS

    try:
        key = read_key(path)
    except TokenError:  # others say so
        return False
    return key.application_sid == APPLICATION and not key.identity and not path.with_name("authority.pem").exists()
