"""What the page needs of the box behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from agent.page.api_keys import Asker


class Box(Protocol):
    """The box as the page sees it; every method is called on the hub and returns at once, but `sound`.

    What cannot be done raises AgentError or HardwareError with a message for the person at the page.
    """

    def status(self) -> dict[str, Any]:
        """Collect everything the page shows, ready for JSON. All keys may be absent but `identity`.

        identity, version, up_s, states (light states that hold now), edge, volume_percent · service {ready, reason} ·
        troubles {part: what the installer must look after} ·
        sound {state, reason} · door {open, locked} or None · doors {name: open} ·
        buttons [{name, label, actions {gesture: action}, pressed}] · lights {name: as `Lights.describe`} ·
        call {direction, peer, answered_by, status, since_ms (Unix), muted, codec, rtt_ms, jitter_ms, loss_percent, mos,
        level_in, level_out (0 to 32767)} or None ·
        recent_calls [{direction, peer, at_ms (Unix), duration_s, outcome, answered_by}], newest first · last_call, the
        newest of them · last_error {part, why, at_ms (Unix)} or None: the latest trouble, be it over or not
        """

    def press(self, name: str, hold_s: float, by: str = "") -> None:
        """Press a button for `hold_s`; anew while pressed sets a new end, 0 lets go. InvalidArgumentError: no such.

        `by`: page or http. InvalidStateError for a button that opens a door which this may not open.
        """

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed()` on the hub whenever `status` would differ; the returned function ends that."""

    def moments_since(self, last: int) -> list[dict[str, Any]]:
        """List the latest moments after the one with this `id`, the oldest first: id (grows), at_ms, moment, detail."""

    def call(self, to: str) -> None:
        """Place a call, whatever rings."""

    def answer(self) -> None:
        """Take the call that rings."""

    def hang_up(self) -> None:
        """End the call that is on, or refuse what rings."""

    def set_do_not_disturb(self, on: bool) -> None:
        """Let calls in no longer, or again."""

    def open_door(self, name: str, asker: Asker) -> None:
        """Release a door for its time, "" that of [door] or the only one. InvalidStateError: none, or not by this."""

    def may_open(self, by: str, name: str) -> bool:
        """Tell whether this may open a door."""

    def set_volume(self, percent: int) -> None:
        """Set the speaker's volume, 0 to 100."""

    def sound(self) -> dict[str, Any]:
        """Tell which sound devices there are, and which are used; blocks the greenlet while they are listed.

        has_cards · wanted {capture, playback, ring} · devices [{name, captures, plays, used_for}] · problem ·
        tone {is_playing, tested {at_ms (Unix), outcome, detail, remedy} or None}
        """

    def play_tone(self) -> None:
        """Begin to play the test tone and to listen for it; InvalidStateError in a call and without a sound card."""

    def settings(self) -> list[dict[str, Any]]:
        """Tell the settings as they are understood, without a secret: key, value, is_default, is_hidden."""

    def doctor(self) -> dict[str, Any]:
        """Tell what the self-test has found, as far as it has come.

        state (never, running, done, broken) · began_at_ms (Unix) · testing · checks [{name, outcome, detail, remedy}] ·
        problem
        """

    def run_doctor(self) -> None:
        """Begin a self-test; `changed` is called as it goes on. InvalidStateError while one runs."""
