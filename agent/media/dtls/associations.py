"""The DTLS associations of one call, one after the other, as the far end moves (RFC 8842); asyncio only.

A description that names another certificate, with other ICE credentials, asks for a new association; so does a far end
that has lost the old one, as an engine that was started again with the same certificate. The old one stays in force
until the new one is established: what was encrypted by it is heard until the new one is heard, and what we say takes
the way that it took before.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from pylibsrtp import Session

from agent.closing import Closing
from agent.media.dtls.aiortc_adapter import Certificate, SrtpError
from agent.media.dtls.handshake import LIMIT_S, Handshake
from agent.media.dtls.records import hello_of
from agent.media.ice.aioice_adapter import Generation

MOST_WAITING = 16  # handshake packets that came before their time
RENEWAL_LIMIT_S = 10.0  # for an association that takes the place of another
DOUBT_S = 1.0  # without a packet after a restart: then the far end may have lost the association

_Prints = Sequence[tuple[str, str]]
Send = Callable[[bytes], bool]
Counts = Callable[[], bool]  # whether whoever sent it is the far end, as far as that is known


class AssociationPath(Protocol):
    """The ICE transport below."""

    def send(self, data: bytes) -> bool:
        """Send a datagram the present way."""

    def send_as_before(self, data: bytes) -> bool:
        """Send a datagram the way of the generation before."""

    @property
    def current(self) -> Generation | None:
        """The generation that carries what is sent."""


class Associations(Closing):
    """The one in force, the one that is being made to follow it, and the keys of the one before.

    `on_state` hears each new state: connecting, connected, closed or failed; `on_moved` that the far end was heard by
    another association for the first time.
    """

    def __init__(
        self,
        path: AssociationPath,
        certificate: Certificate,
        on_state: Callable[[str], None],
        on_moved: Callable[[], None],
    ) -> None:
        self.outbound: Session | None = None
        self.send: Send = path.send
        #: in and out, the same pair for as long as they are the only ones; None between two associations
        self.keys: tuple[Session, Session] | None = None
        self.state = "new"
        self._path, self._certificate = path, certificate
        self._on_state, self._on_moved = on_state, on_moved
        self._loop = asyncio.get_running_loop()
        self._keys: tuple[Session, Session] | None = None
        self._inbound: Session | None = None
        self._inbound_before: Session | None = None
        self._current: Handshake | None = None
        self._next: Handshake | None = None
        self._current_since = self._next_since = 0  # numbers of the generations with which they began
        self._seen = 0  # the number of the latest generation that a description was about
        self._renews = False  # without the next one there is no sound: another certificate, or the current one is over
        self._client = False
        self._wanted: _Prints = ()
        self._doubt: tuple[Generation, float] | None = None  # which has to be heard, and until when
        self._waiting: deque[tuple[bytes, str, Generation, Counts]] = deque(maxlen=MOST_WAITING)
        self._closed = False

    def _settle(self) -> None:
        """Say which keys are the only ones."""
        is_alone = self._next is None and self._inbound_before is None
        self.keys = self._keys if is_alone else None

    def begin(self, client: bool, fingerprints: _Prints, generation: Generation, may_hear: bool) -> None:
        """Follow a description, now that its `generation` carries packets; only its first call counts.

        `may_hear` tells whether the far end may send sound.
        """
        if self._closed or generation.number <= self._seen:
            return
        self._seen, self._client, self._wanted = generation.number, client, tuple(fingerprints)
        if self._current is None:
            self._current, self._current_since = self._handshake(LIMIT_S, logging.WARNING), generation.number
            self._set_state("connecting")
            self._current.begin()
        else:
            self._go_on(self._current, generation, may_hear)
        waiting = list(self._waiting)
        self._waiting.clear()
        for data, host, source, counts in waiting:
            if counts():
                self.receive(data, host, source, counts)

    def _go_on(self, current: Handshake, generation: Generation, may_hear: bool) -> None:
        latest = self._next or current
        if current.is_with(self._wanted):
            self._drop_next()
            if current.client != self._client:
                self._begin_next(generation, renews=False)
            elif self._client and may_hear:
                self._doubt = generation, self._loop.time() + DOUBT_S
        elif latest.state != "connecting" or not latest.is_for(self._client, self._wanted):
            if current.state == "connecting":
                current.abandon()
            self._begin_next(generation, renews=True)

    def _begin_next(self, generation: Generation, *, renews: bool) -> None:
        self._drop_next()
        self._renews, self._doubt = renews, None
        self._next = self._handshake(RENEWAL_LIMIT_S, logging.WARNING if renews else logging.DEBUG)
        self._next_since = generation.number
        if renews:
            self.send = self._path.send_as_before
            self._set_state("connecting")
        self._settle()
        self._next.begin()

    def _drop_next(self) -> None:
        """Stay with the current one."""
        if self._next is not None:
            self._next.abandon()
            self._next = None
            self.send = self._path.send
            self._settle()
        if self.state != "closed" and self._current is not None and self._current.state == "connected":
            self._set_state("connected")

    def _handshake(self, limit_s: float, level: int) -> Handshake:
        def changed(state: str) -> None:
            self._changed(handshake, state)

        handshake = Handshake(self._path, self._certificate, self._client, self._wanted, changed, limit_s, level)
        return handshake

    def _changed(self, handshake: Handshake, state: str) -> None:
        if handshake is self._next:
            if state == "connected":
                self._promote(handshake)
            elif self._renews:
                self._set_state("failed")  # the far end of the one before is no longer the one that is wanted
            else:
                self._next = None
                self._settle()
        elif handshake is self._current:
            self._take_keys(handshake)
            if self._next is None or not self._renews:
                self._set_state(state)

    def _promote(self, handshake: Handshake) -> None:
        if self._current is not None:
            self._current.abandon()
        self._current, self._current_since, self._next = handshake, self._next_since, None
        self._inbound_before = self._inbound
        self._take_keys(handshake)
        self.send = self._path.send
        self._set_state("connected")

    def _take_keys(self, handshake: Handshake) -> None:
        dtls = handshake.dtls if handshake.state == "connected" else None
        self._keys = (dtls.inbound, dtls.outbound) if dtls is not None else None
        self._inbound, self.outbound = self._keys or (None, None)
        self._settle()

    def _set_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self._on_state(state)

    # what arrives

    def receive(self, datagram: bytes, host: str, generation: Generation, counts: Counts) -> None:
        """Take in a datagram of a handshake; one that is ahead of its description waits, if it still `counts` then."""
        current, carrying = self._current, self._path.current
        if current is None or carrying is None or generation.number > min(carrying.number, self._seen):
            self._waiting.append((datagram, host, generation, counts))
            return
        if self._next is None and self._begins_anew(current, datagram, generation):
            self._begin_next(generation, renews=False)
        if self._next is not None and generation.number >= self._next_since:
            self._next.receive(datagram, host)
        else:
            current.receive(datagram, host)

    def _begins_anew(self, current: Handshake, datagram: bytes, generation: Generation) -> bool:
        """Whether the far end, a client, says hello after a restart of ICE: it has lost what we agreed on."""
        if self._client or current.state != "connected" or generation.number <= self._current_since:
            return False
        return generation.media_at is None and hello_of(datagram) not in (None, current.hello)

    def decrypt(self, data: bytes, is_rtcp: bool) -> bytes | None:
        """Verify and decrypt one packet of SRTP or SRTCP; None when it is not the far end's."""
        plain = _decrypted(self._inbound, data, is_rtcp)
        if self._inbound_before is None:
            return plain
        if plain is None:
            return _decrypted(self._inbound_before, data, is_rtcp)
        self._inbound_before = None
        self._settle()
        self._on_moved()
        return plain

    def is_of(self, fingerprints: _Prints) -> bool:
        """Tell whether the far end's certificate has these fingerprints; True while it is not known."""
        return self.state != "connected" or self._current is None or self._current.is_with(fingerprints)

    # time and end

    def tick(self, now: float) -> None:
        """Say hello anew to a far end that is not heard after a restart; call it every 100 ms or so."""
        if self._doubt is None or now < self._doubt[1]:
            return
        generation, self._doubt = self._doubt[0], None
        if generation is self._path.current and generation.media_at is None and self._next is None:
            self._begin_next(generation, renews=False)

    def close(self) -> None:
        """Tell the far end and forget the keys; idempotent."""
        self._closed = True
        self._inbound = self._inbound_before = self.outbound = self._keys = self.keys = None
        if self._next is not None:
            self._next.abandon()
        if self._current is not None:
            self._current.close()
        self._set_state("closed")


def _decrypted(session: Session | None, data: bytes, is_rtcp: bool) -> bytes | None:
    if session is None:
        return None
    try:
        return session.unprotect_rtcp(data) if is_rtcp else session.unprotect(data)
    except (SrtpError, TypeError):
        return None
