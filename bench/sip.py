"""How long a box takes over SIP, beside JsSIP in Chromium in the same run, at one site with two edges and two engines.

    python -m bench.sip [--times 20] [--kills 5]

The far end is a plain phone (baresip) that answers at once. Measured in ms, and printed as p50 and p95:

    register         from the beginning to the registrar's 200, with TLS, WebSocket and challenge
    call set-up      from the dialling to the answer, with challenge, microphone and the media engine's work
    ICE restart      from the offer that restarts it to the answer's being in force
    edge failover    from the kill of the edge in use, without a call, to the answer of the next call over the other one
    engine failover  from the kill of the call's media engine to the far end's tone

JsSIP asks for no new path by itself: its page does so at once for the last row, as no page could know. A box notices by
itself. Needs root and the packages of `scripts/setup.sh test`; the load of the machine is printed with the figures.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Protocol

import gevent
import numpy as np
from gevent.event import Event

from agent.media.bridge import Bridge
from bench.rig import sip_browser, sip_site
from bench.rig.sip_box import PATIENCE_S, SipBox, until
from bench.rig.sip_browser import PagePhone, SipPage
from bench.rig.sip_phone import SipPhone
from bench.rig.sip_site import SipSite

PHONE, PHONE_HZ = "desk", 700
ROWS = ("register", "call set-up", "ICE restart", "edge failover", "engine failover")


class Client(Protocol):
    """What is measured; each method returns milliseconds or waits."""

    def register(self) -> float: ...
    def call(self) -> float: ...
    def restart(self) -> float: ...
    def call_after(self, kill: Callable[[], None]) -> float: ...
    def hear_after(self, kill: Callable[[], None]) -> float: ...
    def hang_up(self) -> None: ...
    def leave(self) -> None: ...


class Box:
    """The Device of this program."""

    def __init__(self, site: SipSite, bridge: Bridge) -> None:
        self._site, self._bridge = site, bridge

    def register(self) -> float:
        """Register over both edges; the first of them counts."""
        begun = time.monotonic()
        self._box = SipBox(self._site, self._bridge, 1, 2)
        return _ms(begun)

    def call(self) -> float:
        """Call the phone."""
        begun = time.monotonic()
        self._call = self._box.dial(PHONE)
        until(lambda: self._call.status() == "open", "an answer")
        return _ms(begun)

    def restart(self) -> float:
        """Offer new candidates, though nothing is wrong."""
        applied, apply = Event(), self._call.inbox.on_answer

        def watched(payload: Mapping[str, Any]) -> None:
            apply(payload)
            applied.set()

        self._call.inbox.on_answer = watched  # type: ignore[method-assign]
        begun = time.monotonic()
        self._call.inbox.on_restart_offer("")  # as if the far end had asked for one
        assert applied.wait(PATIENCE_S), "the offer was not answered"
        return _ms(begun)

    def call_after(self, kill: Callable[[], None]) -> float:
        """Kill, and call at once."""
        until(lambda: self._site.connected(2).count("box") == 1, "the second flow")
        begun = time.monotonic()
        kill()
        self.call()
        return _ms(begun)

    def hear_after(self, kill: Callable[[], None]) -> float:
        """Kill in the call, and wait for the tone."""
        self._box.until_hears(PHONE_HZ)
        begun = time.monotonic()
        kill()
        self._box.until_told("reconnected")
        self._box.until_hears(PHONE_HZ)
        return _ms(begun)

    def hang_up(self) -> None:
        """End the call."""
        self._call.disconnect()
        until(lambda: self._call.status() == "closed", "the end")

    def leave(self) -> None:
        """Unregister."""
        self._box.close()


class Browser:
    """JsSIP in Chromium."""

    def __init__(self, page: SipPage) -> None:
        self._page = page

    def register(self) -> float:
        """Register at the first edge."""
        self._phone: PagePhone = self._page.phone("web", (1, 2))
        return float(self._phone.ask("it.at('registered') - it.born"))

    def call(self) -> float:
        """Call the phone."""
        self._phone.forget()
        self._phone.dial(PHONE)
        self._phone.until("it.happened('accepted')")
        return float(self._phone.ask("it.at('accepted') - it.begun"))

    def restart(self) -> float:
        """Offer new candidates, though nothing is wrong."""
        self._phone.until_hears(PHONE_HZ)
        return float(self._phone.run("return await it.restart()"))

    def call_after(self, kill: Callable[[], None]) -> float:
        """Kill, and call as soon as it is registered again."""
        self._phone.forget()
        begun = time.monotonic()
        kill()
        self._phone.until("it.happened('registered')")
        self.call()
        return _ms(begun)

    def hear_after(self, kill: Callable[[], None]) -> float:
        """Kill in the call, ask for a new path at once, and wait for the tone."""
        self._phone.until_hears(PHONE_HZ)
        begun = time.monotonic()
        kill()
        self._phone.run("return await it.restart()")
        self._phone.until("!it.flows")
        self._phone.until_hears(PHONE_HZ)
        return _ms(begun)

    def hang_up(self) -> None:
        """End the call."""
        self._phone.hang_up()
        self._phone.until("it.happened('ended')")

    def leave(self) -> None:
        """Unregister."""
        self._phone.run("it.ua.stop()")
        self._phone.until("it.happened('unregistered')")


def measure(site: SipSite, client: Client, times: int, kills: int) -> dict[str, list[float]]:
    """Return what each row took, in ms."""
    found: dict[str, list[float]] = {row: [] for row in ROWS}
    for _ in range(times):
        found["register"].append(client.register())
        found["call set-up"].append(client.call())
        found["ICE restart"].append(client.restart())
        client.hang_up()
        client.leave()
    for _ in range(kills):
        client.register()
        found["edge failover"].append(client.call_after(lambda: site.kill("edge1")))
        client.hang_up()
        client.leave()
        site.repair()
    for _ in range(kills):
        client.register()
        client.call()
        engine = next(name for name in ("engine1", "engine2") if site.media_of(name))
        found["engine failover"].append(client.hear_after(lambda engine=engine: site.kill(engine)))
        client.hang_up()
        client.leave()
        site.kill("engine2" if engine == "engine1" else "engine1")  # which would have remembered the call for a minute
        site.repair()
    return found


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--kills", type=int, default=5)
    options = parser.parse_args()
    if lacking := sip_site.missing() or sip_browser.missing():
        print(f"needs {lacking}: scripts/setup.sh test")
        return 1
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-sip-")))
        site = stack.enter_context(SipSite(folder, two=True))
        stack.enter_context(site.inside("client"))
        phone = stack.enter_context(closing(SipPhone(site, PHONE, hz=PHONE_HZ, edge=2)))
        phone.until_registered()
        until(lambda: "desk" in site.registered(1), "the phone at edge 1")
        bridge = stack.enter_context(Bridge())
        page = stack.enter_context(SipPage(site))
        for name, client in (("box", Box(site, bridge)), ("JsSIP in Chromium", Browser(page))):
            for row, values in measure(site, client, options.times, options.kills).items():
                p50, p95 = np.percentile(values, 50), np.percentile(values, 95)
                print(f"{name:18} {row:16} p50 {p50:6.0f} ms, p95 {p95:6.0f} ms ({len(values)} times)", flush=True)
            gevent.sleep(0)
    load = os.getloadavg()[0]
    print(f"load of the machine at the end: {load:.1f} on {os.cpu_count()} processors")
    return 0


def _ms(begun: float) -> float:
    return (time.monotonic() - begun) * 1000


if __name__ == "__main__":
    sys.exit(main())
