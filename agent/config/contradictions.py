"""What no section of the settings can see by itself: key and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator

from agent.config.directory_contradictions import directory_contradictions
from agent.config.door_contradictions import door_contradictions, door_key
from agent.config.sections import Config
from agent.config.sip_contradictions import sip_contradictions
from agent.signaling.token.token_settings import SOURCES, TokenSettings
from agent.switchboard.services import SERVICES
from hw.panel.header import HEADER_GPIOS, explain_pin

_Problems = Iterator[tuple[str, str]]
EVERYWHERE = ("0.0.0.0", "::", "")


def contradictions(config: Config) -> _Problems:
    """Find every setting that another one makes wrong, or leaves without any effect."""
    yield from _identity(config)
    yield from _header_pins(config)
    yield from door_contradictions(config)
    yield from directory_contradictions(config)
    yield from _service(config)
    yield from _token(config.token)
    if config.api.keys and not config.page.enabled:
        yield "page.enabled", "[api.keys] are keys to what the page serves; expected true, or no keys"
    yield from _figures(config)
    yield from sip_contradictions(config)


def pins(config: Config) -> Iterator[tuple[str, int]]:
    """List the GPIO numbers in use: dotted key and number."""
    for name, button in config.buttons.items():
        yield f"buttons.{name}.pin", button.pin
    for name, light in config.lights.items():
        for part in ("pin", "red", "green", "blue"):
            if (number := getattr(light, part)) is not None:
                yield f"lights.{name}.{part}", number
    for name, door in config.all_doors().items():
        if door.pin is not None:
            yield f"{door_key(name)}.pin", door.pin


def source_of_tokens(config: Config) -> _Problems:
    """Say that there is no source of tokens, where there is none."""
    if not config.token.source and not config.signaling.is_sip:
        hint = 'for a switchboard key_file = "NAME.json", which its `switchboard box add NAME` writes'
        yield "token", f"no source of access tokens; expected one of {', '.join(SOURCES)} ({hint})"


def _identity(config: Config) -> _Problems:
    if config.box.identity in SERVICES:
        taken = ", ".join(sorted(SERVICES))
        yield "box.identity", f"the switchboard itself answers to this name; expected another one than {taken}"


def _header_pins(config: Config) -> _Problems:
    if config.box.chip:
        return  # not the header of a Raspberry Pi
    for key, number in pins(config):
        if number not in HEADER_GPIOS:
            yield key, explain_pin(number)


def _service(config: Config) -> _Problems:
    if config.signaling.server and config.signaling.edges != ["roaming"]:
        yield "signaling.edge", "a switchboard has no edges; expected edge or server, not both"
    if config.box.chip and config.box.pins == "mock":
        yield "box.chip", 'virtual pins need no chip; expected pins = "auto" or "gpiod" with it'


def _figures(config: Config) -> _Problems:
    page, figures = config.page, config.metrics
    is_shared = page.host == figures.host or any(one.host in EVERYWHERE for one in (page, figures))
    if figures.is_used and page.enabled and figures.port and figures.port == page.port and is_shared:
        yield "metrics.listen", "the page listens there; expected another port"


def _token(token: TokenSettings) -> _Problems:
    if not token.url:
        for key in ("url_header", "url_ca_file"):
            if getattr(token, key):
                yield f"token.{key}", "it belongs to token.url; expected an address there"
    if token.application_sid and token.source not in ("key_file", "api_key_sid"):
        yield "token.application_sid", "it goes into tokens that are made here; expected key_file or api_key_sid"
    if token.source == "command" and not token.command[0].strip():
        yield "token.command", "expected a program and its arguments"
