"""What is wrong between [sip] and the other sections when calls go by SIP: key and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from agent.config.sections import Config
from agent.errors import InvalidArgumentError
from agent.signaling.settings import SIP, SignalingSettings
from agent.signaling.sip.account import check_header
from agent.signaling.sip.uri import host_and_port, names_in, target_uri, user_uri
from agent.signaling.token.token_settings import TokenSettings
from hw.panel.actions import ButtonAction

_Problems = Iterator[tuple[str, str]]
BELONGS: Final = 'it belongs to the other protocol; leave it out, or set signaling.protocol = "pstream"'
#: Keys of [signaling] without a meaning with SIP, and their defaults.
_OTHERS: Final[Mapping[str, object]] = {
    "server": "", "edge": SignalingSettings.edge, "generation": SignalingSettings.generation,
    "insights_host": SignalingSettings.insights_host,
}  # fmt: skip


def sip_contradictions(config: Config) -> _Problems:
    """Find every setting that cannot be so when calls go by SIP; nothing with another protocol."""
    if config.signaling.protocol != SIP:
        return
    yield from _signaling(config.signaling)
    yield from _account(config)
    for name, button in config.buttons.items():
        for gesture, action in button.bindings().items():
            if action.target not in config.directory:
                yield from _action(f"buttons.{name}.{gesture}", action, config.sip.domain)
    yield from _directory(config)
    for caller in config.answering.auto_answer:
        if caller.startswith("client:"):
            meant = f"sip:{caller.removeprefix('client:')}@{config.sip.domain or 'DOMAIN'}"
            yield "answering.auto_answer", f'with SIP callers are named by their URI; did you mean "{meant}"?'


def sip_doubts(config: Config) -> _Problems:
    """Find what is taken and has no effect."""
    if config.signaling.protocol != SIP:
        if config.sip.is_given:
            yield "sip", 'it is not used; expected signaling.protocol = "sip" with it'
        return
    if config.token != TokenSettings():
        yield "token", "it is not used with SIP: the password in [sip] lets the box in; leave [token] out"
    if not config.sip.secret_source:
        yield "sip", "there is no password; fine only where the PBX asks for none"


def _signaling(signaling: SignalingSettings) -> _Problems:
    for key, default in _OTHERS.items():
        if getattr(signaling, key) != default:
            yield f"signaling.{key}", BELONGS
    if signaling.insights == "on":
        yield "signaling.insights", 'a PBX takes no reports of call quality; expected "auto" or "off"'


def _account(config: Config) -> _Problems:
    sip = config.sip
    if not sip.edges:
        yield "sip.edges", 'they are missing; expected at least one address, like ["wss://pbx.example.org:7443/ws"]'
    if not sip.domain:
        yield "sip.domain", 'it is missing; expected the domain of the PBX, like "pbx.example.org"'
        return
    try:
        host_and_port(sip.domain)
    except InvalidArgumentError as error:
        yield "sip.domain", str(error)
        return
    try:
        user_uri(sip.user or config.box.identity, sip.domain)
    except InvalidArgumentError as error:
        yield ("sip.user" if sip.user else "box.identity"), str(error)
    if sip.secret_command and not sip.secret_command[0].strip():
        yield "sip.secret_command", "expected a program and its arguments"


def _action(key: str, action: ButtonAction, domain: str) -> _Problems:
    if action.name == "feedback":
        yield key, "a PBX takes no word on how good a call was; expected another action"
    if action.name not in ("call", "bell"):
        return
    for name in names_in(action.target):
        yield from _target(key, name, f"{action.name}:", domain)
    try:
        for name, value in action.parameters.items():
            check_header(f"X-{name}", value)
    except InvalidArgumentError as error:
        yield key, str(error)


def _directory(config: Config) -> _Problems:
    for name, entry in config.directory.items():
        for key in ("targets", "night_targets"):
            for target in getattr(entry, key):
                yield from _target(f"directory.{name}.{key}", target, "", config.sip.domain)


def _target(key: str, target: str, before: str, domain: str) -> _Problems:
    if target.startswith("client:"):
        yield key, f'with SIP write the user alone: "{before}{target.removeprefix("client:")}"'
        return
    try:
        target_uri(target, domain or "example.org")
    except InvalidArgumentError as error:
        yield key, str(error)
