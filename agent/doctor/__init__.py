"""The box's self-test: a list of small checks, each saying ok, warning or failed, and what to do.

    for check in run(all_checks(config, ...)):
        print(as_text(check))
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from agent.config import Config
from agent.doctor import board, media, network, service, sip, sound, token
from agent.doctor.checklist import Check, Outcome, Test, as_json, as_line, as_text, beside_box, ok, run, succeeded
from agent.media.bridge import Bridge, shared_bridge

__all__ = [
    "HELD", "Check", "Outcome", "all_checks", "as_json", "as_line", "as_text", "beside_box", "needs", "run",
    "settings_check", "succeeded",
]  # fmt: skip

HELD = ("pins", "sound devices", "tone test")  #: what a box that runs holds, and its own page shows


def all_checks(
    config: Config,
    get_token: token.GetToken,
    open_sound: sound.OpenSound,
    bridge: Callable[[], Bridge] = shared_bridge,
) -> list[tuple[str, Test]]:
    """List every check by name, in an order in which the first failure explains the later ones.

    `get_token` gives an access token, or the password of a SIP account; AgentError or OSError says why it cannot.
    `open_sound` makes the configured sound device, not started. Who runs the checks closes the shared bridge
    afterwards.
    """
    return [*_box_checks(config, open_sound), *_service_checks(config, get_token, bridge)]


def _box_checks(config: Config, open_sound: sound.OpenSound) -> list[tuple[str, Test]]:
    return [
        ("board", board.check_board),
        ("groups", lambda: board.check_groups(config)),
        ("gpio chip", lambda: board.check_chip(config)),
        ("pins", lambda: board.check_pins(config)),
        ("sound cards", lambda: sound.check_cards(config.sound)),
        ("sound devices", lambda: sound.check_devices(config.sound)),
        ("echo canceller", lambda: sound.check_canceller(config.sound)),
        ("tone test", lambda: sound.check_tone(config.sound, open_sound)),
    ]


def _service_checks(
    config: Config, get_token: token.GetToken, bridge: Callable[[], Bridge]
) -> list[tuple[str, Test]]:
    signaling = config.signaling
    relays = ("turn", lambda: network.check_relays(config.media, bridge))
    if signaling.is_sip:
        return [relays, *sip.sip_checks(config, get_token)]
    return [
        ("network", lambda: network.check_network(signaling)),
        ("dns", lambda: network.check_dns(signaling)),
        ("server", lambda: network.check_server(signaling)),
        ("clock", lambda: network.check_clock(signaling)),
        ("tls", lambda: network.check_tls(signaling)),
        relays,
        ("token", lambda: token.check_token(get_token, token.TokenNeeds.by(config))),
        ("version", lambda: service.check_version(signaling, get_token)),
        ("registration", lambda: service.check_registration(signaling, get_token)),
        ("packets", media.check_packets),
        ("media", lambda: media.check_media(config, get_token, bridge)),
    ]


def settings_check(path: Path, as_service: bool) -> tuple[str, Test]:
    """Make the check that tells which file is tested, and who tests it."""
    who = f"as {getpass.getuser()}, the service's user" if as_service else f"as {getpass.getuser()}"
    return "settings", lambda: ok("settings", f"{path}, {who}")


def needs(config: Config) -> Mapping[str, Collection[str]]:
    """Map each check to those without which it cannot work."""
    missing = board.missing_groups(config)
    of_box = {
        "gpio chip": ("groups",) if "gpio" in missing else (),
        "pins": ("gpio chip",),
        "sound devices": ("groups",) if "audio" in missing else (),
        "tone test": ("sound devices",),
    }
    if config.signaling.is_sip:
        return {**of_box, **sip.sip_needs(config)}
    return {
        **of_box,
        "dns": () if config.signaling.server else ("network",),
        "server": ("dns",),
        "clock": ("server",),
        "tls": ("server", "clock"),
        "token": ("network",) if config.token.source == "url" else (),
        "version": ("tls", "token"),
        "registration": ("version",),
        "media": ("registration",),
    }
