"""What the page needs of the box behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Box(Protocol):
    """The box as the page sees it; every method is called on the hub and returns at once.

    What cannot be done raises AgentError or HardwareError with a message for the person at the page.
    """

    def status(self) -> dict[str, Any]:
        """Collect everything the page shows, ready for JSON. All keys may be absent but `identity`.

        identity, version, up_s, states (light states that hold now), edge, volume_percent · service {ready, reason} ·
        troubles {part: what the installer must look after} ·
        sound {state, reason} · door {open, locked} or None · doors {name: open} ·
        buttons [{name, label, actions {gesture: action}, pressed}] · lights {name: as `Lights.describe`} ·
        call {direction, peer, status, since_ms (Unix), muted, codec, rtt_ms, jitter_ms, loss_percent, mos} or None ·
        recent_calls [{direction, peer, at_ms (Unix), duration_s, outcome}], newest first · last_call, the newest of
        them · last_error {part, why, at_ms (Unix)} or None: the latest trouble, be it over or not
        """

    def press(self, name: str, hold_s: float) -> None:
        """Press a button for `hold_s`; anew while pressed sets a new end, 0 lets go. InvalidArgumentError: no such."""

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed()` on the hub whenever `status` would differ; the returned function ends that."""

    def open_door(self) -> None:
        """Release the door for its time."""

    def set_volume(self, percent: int) -> None:
        """Set the speaker's volume, 0 to 100."""
