"""Run the embedded switchboard by itself; prints its address, its certificate and when it is ready.

systemd is told, too, and its watchdog is fed as long as the switchboard makes progress.

SIGHUP restarts its signaling: certificate and keys of the state folder are read anew, every client has to connect
again, and calls go on meanwhile. SIGTERM and SIGINT end it.

`box` gives a box a credential of its own and takes it back, `authority` changes what clients trust: both work on the
state folder, whether or not the switchboard runs, and one that runs follows within seconds.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.commands import settings_option, switchboard_state
from agent.terminal import draw, draws, say

if TYPE_CHECKING:
    from gevent.queue import Queue

    from agent.config import Config
    from agent.service.notifier import Notifier
    from agent.switchboard.address import SwitchboardAddress
    from agent.switchboard.runner import RunningSwitchboard
    from agent.switchboard.settings import SwitchboardSettings

log = logging.getLogger(__name__)

STALLED_S = 10.0
STOP, RESTART = "stop", "restart"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    settings_option(parser, "none; only [switchboard], [media] and [service] log_level are read")
    parser.add_argument("--listen", metavar="HOST:PORT", help="where to listen; port 0 takes a free one")
    parser.add_argument("--state-dir", metavar="DIR", help="folder of the keys and the certificate")
    switchboard_state.arguments(parser)


def perform(options: argparse.Namespace) -> int:
    """Serve until a signal ends it, or do what is to be done in the state folder."""
    if options.subject is not None:
        return switchboard_state.perform(options)
    from agent.config import Config, load_for_switchboard
    from agent.service.journal import set_up_logging

    config = load_for_switchboard(options.config) if options.config else Config()
    settings = _settings(options, config)
    set_up_logging("debug" if options.verbose else config.service.log_level)

    from gevent.queue import Queue

    from agent.media.bridge import close_shared_bridge, shared_bridge
    from agent.service.notifier import Notifier
    from agent.service.stopping import StopSignals
    from agent.switchboard.runner import start_switchboard

    wishes: Queue[str] = Queue()
    signals = StopSignals(lambda _reason: wishes.put(STOP), lambda: wishes.put(RESTART))
    switchboard = start_switchboard(shared_bridge(), settings, config.media)
    address = switchboard.address
    say(f"address     {address.server}", f"certificate {address.ca_file}")
    show_phone_page(address)
    say("ready")
    with Notifier() as notifier, _watchdog(notifier):
        notifier.ready(f"serves {address.server}")
        _serve(switchboard, wishes)
        notifier.stopping()
    switchboard.close()
    close_shared_bridge()
    signals.close()
    return 0


@contextmanager
def _watchdog(notifier: Notifier) -> Iterator[None]:
    """Feed systemd's watchdog meanwhile, where there is one, while hub and media thread make progress."""
    import gevent

    from agent.media.bridge import shared_bridge
    from agent.service.notifier import watchdog_timeout_s
    from agent.service.watchdog import Watchdog
    from agent.supervision.heartbeat import Heartbeat, Vitals

    timeout_s = watchdog_timeout_s()
    if timeout_s is None:
        yield
        return
    vitals = Vitals()
    vitals.add("media", shared_bridge().progress_s, STALLED_S)
    feeding = gevent.spawn(Watchdog(notifier, vitals, timeout_s).run, Heartbeat())
    try:
        yield
    finally:
        feeding.kill()


def _settings(options: argparse.Namespace, config: Config) -> SwitchboardSettings:
    from agent.net.address import split_address

    settings = config.switchboard
    if options.listen:
        host, port = split_address(options.listen)
        settings = replace(settings, listen_host=host, listen_port=port)
    if options.state_dir:
        settings = replace(settings, state_dir=options.state_dir)
    return settings


def show_phone_page(address: SwitchboardAddress) -> None:
    """Show the way to the browser phone to whoever stands at a terminal with a telephone in his hand."""
    if address.is_elsewhere and draws():
        from agent.qr_code import qr_code

        say(f"phone page  {address.url}")
        draw(qr_code(address.url))


def _serve(switchboard: RunningSwitchboard, wishes: Queue[str]) -> None:
    """Restart signaling as often as it is wished, until the end is."""
    from agent.errors import AgentError

    while wishes.get() == RESTART:
        try:
            switchboard.restart_signaling()
        except (AgentError, TimeoutError) as error:
            log.error("signaling was not restarted, and goes on as it was: %s", error)
