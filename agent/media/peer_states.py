"""What W3C's RTCPeerConnection tells of its state, put together from the path's and the handshake's."""

from __future__ import annotations

from collections.abc import Callable

from agent.media.ice.library import Candidate
from agent.media.ice.pair import Pair
from agent.media.stats import CandidateInfo

CONNECTION_STATES = {"new": "new", "checking": "connecting", "disconnected": "disconnected", "failed": "failed"}

EventSink = Callable[..., None]


class PeerStates:
    """Hears the ICE transport (it is its `IceListener`) and the secure one; tells `on_event(name, *arguments)`."""

    def __init__(self, on_event: EventSink, on_path: Callable[[], None]) -> None:
        """`on_path` is called each time another pair carries what we send."""
        self._on_event = on_event
        self._on_path = on_path
        self._is_closed = False
        self.ice = "new"
        self.ice_gathering = "new"
        self.dtls = "new"
        self.connection = "new"

    def on_ice_state(self, state: str) -> None:
        """Pass the path's new state on."""
        self.ice = state
        self._on_event("ice_connection_state", state)
        self._combine()

    def on_ice_gathering_state(self, state: str) -> None:
        """Pass on that gathering began or ended."""
        self.ice_gathering = state
        self._on_event("ice_gathering_state", state)

    def on_ice_candidate(self, candidate: Candidate) -> None:
        """Pass a local candidate on."""
        self._on_event("candidate", CandidateInfo.of(candidate))

    def on_ice_selected_pair(self, pair: Pair) -> None:
        """Pass on which path media takes."""
        self._on_event("selected_pair", CandidateInfo.of(pair.local), CandidateInfo.of(pair.remote))
        self._on_path()

    def on_dtls_state(self, state: str) -> None:
        """Pass the handshake's new state on."""
        self.dtls = state
        self._on_event("dtls_state", state)
        self._combine()

    def end(self) -> None:
        """Take the last state: closed, whatever the parts do."""
        self._is_closed = True
        self._combine()

    def _combine(self) -> None:
        state = self._combined()
        if state != self.connection:
            self.connection = state
            self._on_event("connection_state", state)

    def _combined(self) -> str:
        if self._is_closed:
            return "closed"
        if self.dtls == "failed":
            return "failed"
        if self.ice == "connected":
            return "connected" if self.dtls in ("connected", "closed") else "connecting"
        return CONNECTION_STATES.get(self.ice, "closed")
