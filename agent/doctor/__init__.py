"""The box's self-test: a list of small checks, each saying ok, warning or failed, and what to do.

    for check in run(all_checks(config, ...)):
        print(as_text(check))
"""

from __future__ import annotations

from collections.abc import Callable

from agent.config import Config
from agent.doctor import board, network, service, sound
from agent.doctor.checklist import Check, Outcome, Test, as_json, as_text, run, succeeded
from agent.media.bridge import Bridge, shared_bridge

__all__ = ["Check", "Outcome", "all_checks", "as_json", "as_text", "run", "succeeded"]


def all_checks(
    config: Config,
    get_token: service.GetToken,
    open_sound: sound.OpenSound,
    bridge: Callable[[], Bridge] = shared_bridge,
) -> list[tuple[str, Test]]:
    """List every check by name, in an order in which the first failure explains the later ones.

    `get_token` gives an access token; AgentError or OSError says why it cannot. `open_sound` makes the configured
    sound device, not started. Who runs the checks closes the shared bridge afterwards.
    """
    signaling = config.signaling
    return [
        ("board", board.check_board),
        ("gpio chip", lambda: board.check_chip(config)),
        ("groups", lambda: board.check_groups(config)),
        ("pins", lambda: board.check_pins(config)),
        ("sound cards", lambda: sound.check_cards(config.sound)),
        ("sound devices", lambda: sound.check_devices(config.sound)),
        ("echo canceller", lambda: sound.check_canceller(config.sound)),
        ("tone test", lambda: sound.check_tone(config.sound, open_sound)),
        ("network", lambda: network.check_network(signaling)),
        ("dns", lambda: network.check_dns(signaling)),
        ("clock", lambda: network.check_clock(signaling)),
        ("tls", lambda: network.check_tls(signaling)),
        ("turn", lambda: network.check_relays(config.media, bridge)),
        ("token", lambda: service.check_token(get_token)),
        ("registration", lambda: service.check_registration(signaling, get_token)),
    ]
