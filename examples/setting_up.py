"""What the examples share: where the service is, what the phone is called, and how it gets its access tokens."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gevent.queue import Queue

from agent import Device
from agent.signaling.token.token_source import TokenSettings, TokenSource

READY_WITHIN_S = 20.0


def add_arguments(parser: argparse.ArgumentParser, identity: str) -> None:
    """Declare the arguments of every example; without --server it is the Twilio service."""
    parser.add_argument("--server", metavar="HOST:PORT", help="an own switchboard (default: the Twilio service)")
    parser.add_argument("--ca-file", metavar="PEM", help="the switchboard's certificate")
    parser.add_argument("--identity", metavar="NAME", default=identity, help=f"who this is (default: {identity})")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--key-file", metavar="JSON", default="", help="API key that tokens are made with here")
    source.add_argument("--token-url", metavar="URL", default="", help="address that answers with a token")


@contextmanager
def phone(options: argparse.Namespace, **more: Any) -> Iterator[Device]:
    """A registered Device whose token is renewed in time; `more` are options of `Device.setup`.

    Raises SystemExit, with what the service said, when it cannot be registered.
    """
    tokens = TokenSource(TokenSettings(key_file=options.key_file, url=options.token_url), options.identity)
    own_server = {"chunderw": options.server, "ca_file": options.ca_file} if options.server else {}
    with Device() as device:
        told = events_of(device, "ready", "error")

        def use(token: str) -> None:
            if device.is_initialized:
                device.update_token(token)
            else:
                device.setup(token, **own_server, **more)

        tokens.on("token", use)
        tokens.on("error", lambda error: told.put(("error", (error,))))
        tokens.start()
        try:
            event, args = told.get(timeout=READY_WITHIN_S)
            if event == "error":
                raise SystemExit(f"the service cannot be used: {args[0]}")
            yield device
        finally:
            tokens.stop()


def events_of(emitter: Any, *names: str) -> Queue[tuple[str, tuple[Any, ...]]]:
    """A queue that gets `(name, arguments)` of each event: the greenlet that takes them out may block."""
    queue: Queue[tuple[str, tuple[Any, ...]]] = Queue()
    for name in names:
        emitter.on(name, lambda *args, name=name: queue.put((name, args)))
    return queue
