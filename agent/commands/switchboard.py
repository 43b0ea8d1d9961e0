"""Run the embedded switchboard by itself; prints its address, its certificate and when it is ready."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--config", metavar="FILE", type=Path, help="take [switchboard] and [media] from this file")
    parser.add_argument("--listen", metavar="HOST:PORT", help="where to listen; port 0 takes a free one")
    parser.add_argument("--state-dir", metavar="DIR", help="folder of the keys and the certificate")


def perform(options: argparse.Namespace) -> int:
    """Serve until a signal ends it."""
    from agent.config import Config, load
    from agent.listen import split_address
    from agent.service.journal import set_up_logging

    config = load(options.config) if options.config else Config()
    settings = config.switchboard
    if options.listen:
        host, port = split_address(options.listen)
        settings = replace(settings, listen_host=host, listen_port=port)
    if options.state_dir:
        settings = replace(settings, state_dir=options.state_dir)
    set_up_logging("debug" if options.verbose else config.service.log_level)

    from gevent.event import Event

    from agent.media.loop import close_shared_bridge, shared_bridge
    from agent.service.stopping import StopSignals
    from agent.switchboard.runner import start_switchboard

    stopped = Event()
    signals = StopSignals(lambda _reason: stopped.set())
    switchboard = start_switchboard(shared_bridge(), settings, config.media)
    print(f"address     {switchboard.address.server}")
    print(f"certificate {switchboard.address.ca_file}")
    print("ready", flush=True)
    stopped.wait()
    switchboard.close()
    close_shared_bridge()
    signals.close()
    return 0
