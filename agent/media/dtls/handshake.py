"""The DTLS handshake of one call, which goes on until it succeeds, fails for certain or takes too long; asyncio only.

A packet that is not authenticated proves nothing, so none of them ends the handshake. What cannot be the far end's is
dropped before OpenSSL sees it; if OpenSSL breaks off all the same, another attempt begins, with the same certificate,
and the far end repeats itself. Only a certificate that is not the far end's is final: whoever holds it did take part.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence

from agent.closing import Closing
from agent.errors import HandshakeError, IdentityError
from agent.log import MOST_WHY, excerpt
from agent.media.dtls.aiortc_adapter import Certificate, DatagramPath, Dtls
from agent.media.dtls.records import Sieve
from agent.media.strangers import listed, strangers

log = logging.getLogger(__name__)

LIMIT_S = 30.0
AT_ONCE = 8  # attempts in a second that follow each other without a pause
PAUSE_S = {True: 0.5, False: 0.02}  # else; a client speaks with each attempt, a server only waits
FIRST_REPEAT_S = 0.15  # after that an unanswered flight is repeated, then after twice as long, and so on
LAST_REPEAT_S = 3.0
MOST_LAST_FLIGHTS = 16  # repetitions of what ends the handshake, which anybody can make us send
ANOTHER_HELLO_S = 1.0  # a client that begins anew after so long a silence gave up what went before


class Handshake(Closing):
    """Attempts at one association; `state` is connecting, connected, closed or failed."""

    def __init__(
        self,
        path: DatagramPath,
        certificate: Certificate,
        client: bool,
        fingerprints: Sequence[tuple[str, str]],
        on_state: Callable[[str], None],
        limit_s: float = LIMIT_S,
        level: int = logging.WARNING,
    ) -> None:
        """`level` is that at which a failure is logged."""
        self.state = "connecting"
        self.client, self.fingerprints = client, tuple(fingerprints)
        self._path, self._certificate = path, certificate
        self._on_state = on_state
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._limit_s, self._level = limit_s, level
        self._limit = self._loop.call_later(limit_s, self._take_no_longer)
        self._attempts = 0
        self._begun_at: deque[float] = deque(maxlen=AT_ONCE)
        self._heard = 0  # datagrams with something for OpenSSL
        self._flights, self._repeat_s, self._repeat_at = 0, FIRST_REPEAT_S, 0.0
        self._last_flights, self._last_flight_at = 0, 0.0
        self._dropped: Counter[str] = Counter()
        self._broke_off = ""
        self.dtls: Dtls | None = None  # None between two attempts
        self._hello: bytes | None = None
        self._hello_at = 0.0

    def begin(self) -> None:
        """Start the next attempt; the first one, too."""
        self._attempts += 1
        self._begun_at.append(self._loop.time())
        self._sieve = Sieve(self.client)
        self._hello = None
        self._flights = 0
        self.dtls = Dtls(self._path, self._certificate)
        self._do(lambda dtls: dtls.begin(self.client))

    def receive(self, datagram: bytes, host: str) -> None:
        """Take in one datagram from an address of the far end, of which anybody may be the sender."""
        if self.state not in ("connecting", "connected") or self.dtls is None:
            return
        sifted = self._sieve.sift(datagram, self.state == "connected")
        for kind in sifted.refused:
            self._dropped[kind] += 1
            strangers.note(kind, host)
        if sifted.repeated:
            self._repeat_last_flight(self.dtls)
        if not sifted.kept:
            return
        self._heard += 1
        if sifted.hello is not None and self._begins_anew(sifted.hello):
            self.begin()
            self.receive(datagram, host)
            return
        if self._hello is None and sifted.hello is not None:
            self._hello, self._hello_at = sifted.hello, self._loop.time()
        elif sifted.further:
            self._hello_at = self._loop.time()
        self._do(lambda dtls: dtls.receive(sifted.kept))

    def _repeat_last_flight(self, dtls: Dtls) -> None:
        """Answer a client that repeats itself: it missed what a server says last, and waits for it."""
        now = self._loop.time()
        due = now - self._last_flight_at >= FIRST_REPEAT_S / 2
        if due and not self.client and self._last_flights < MOST_LAST_FLIGHTS:
            self._last_flights, self._last_flight_at = self._last_flights + 1, now
            dtls.retransmit()

    def _begins_anew(self, hello: bytes) -> bool:
        """Whether a client that says hello gave up what went before; its random tells two of them apart."""
        known = self._hello is None or hello == self._hello
        return not known and self._loop.time() - self._hello_at >= ANOTHER_HELLO_S

    def is_with(self, fingerprints: Sequence[tuple[str, str]]) -> bool:
        """Tell whether it is established, with the far end whose certificate these name."""
        return self.state == "connected" and self.dtls is not None and self.dtls.is_of(fingerprints)

    def is_for(self, client: bool, fingerprints: Sequence[tuple[str, str]]) -> bool:
        """Tell whether it was begun in this role, for a certificate with these fingerprints."""
        return self.client == client and set(self.fingerprints) == set(fingerprints)

    @property
    def hello(self) -> bytes | None:
        """The random of the ClientHello that began it, on the server's side."""
        return self._hello

    def abandon(self) -> None:
        """Stop without a word; idempotent."""
        self._stop("closed")

    def close(self) -> None:
        """Say goodbye, and stop; idempotent."""
        if self.state in ("connecting", "connected") and self.dtls is not None:
            self.dtls.end()
        self._stop("closed")

    # attempts

    def _do(self, step: Callable[[Dtls], None]) -> None:
        dtls = self.dtls
        assert dtls is not None
        try:
            step(dtls)
            if dtls.encrypted and self.state == "connecting":
                dtls.verify(self.fingerprints)
                self._limit.cancel()
                self._report("connected")
        except IdentityError as error:
            self._fail(str(error))
        except HandshakeError as error:
            self._try_again(str(error))
        else:
            if dtls.ended:
                self._report("closed")
            self._set_timer(dtls)

    def _try_again(self, why: str) -> None:
        self._broke_off, self.dtls = why, None
        if len(self._begun_at) < AT_ONCE or self._loop.time() - self._begun_at[0] > 1:
            self.begin()  # the far end's own packet may be the next one
        else:
            self._arm(PAUSE_S[self.client], self.begin)

    # time

    def _set_timer(self, dtls: Dtls) -> None:
        """Repeat what is not answered; what strangers send in between puts nothing off."""
        after_s, now = dtls.timeout_s, self._loop.time()
        if dtls.flights != self._flights:
            self._flights, self._repeat_s = dtls.flights, FIRST_REPEAT_S
            self._repeat_at = now + self._repeat_s
        if after_s is None:
            self._disarm()
        else:
            self._arm(min(after_s, max(0.0, self._repeat_at - now)), self._repeat)

    def _repeat(self) -> None:
        self._repeat_s = min(2 * self._repeat_s, LAST_REPEAT_S)
        self._repeat_at = self._loop.time() + self._repeat_s
        self._do(Dtls.retransmit)

    def _arm(self, after_s: float, action: Callable[[], None]) -> None:
        self._disarm()
        if self.state in ("connecting", "connected"):
            self._timer = self._loop.call_later(after_s, action)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _take_no_longer(self) -> None:
        if not self._heard:
            self._fail(f"nothing usable came in {self._limit_s:.0f} s")
        elif self._broke_off:
            self._fail(f"{self._attempts} attempts in {self._limit_s:.0f} s, the latest broke off: {self._broke_off}")
        else:
            self._fail(f"it was not over after {self._limit_s:.0f} s")

    # ends

    def _fail(self, why: str) -> None:
        seen = f"; dropped meanwhile: {listed(self._dropped)}" if self._dropped else ""
        log.log(self._level, "there will be no audio, the DTLS handshake failed: %s%s", excerpt(why, MOST_WHY), seen)
        self._report("failed")

    def _report(self, state: str) -> None:
        if state == "connected":
            self.state = state
        else:
            self._stop(state)
        self._on_state(state)

    def _stop(self, state: str) -> None:
        self.state = state
        self._limit.cancel()
        self._disarm()
