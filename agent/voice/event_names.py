"""Events have the SDK's spelling, and their names in snake-case are understood too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from agent.handlers import HubEmitter

_SPELLINGS: Final = {
    "message_received": "messageReceived",
    "message_sent": "messageSent",
    "token_will_expire": "tokenWillExpire",
    "transport_close": "transportClose",
    "warning_cleared": "warning-cleared",
}


def event_name(name: str) -> str:
    """Return the SDK's spelling of an event's name."""
    return _SPELLINGS.get(name, name)


class SpelledEmitter(HubEmitter):
    """Emits each event under its one name, for whichever spelling a listener was added."""

    def _add_event_handler(self, event: str, k: Callable[..., Any], v: Callable[..., Any]) -> None:
        super()._add_event_handler(event_name(event), k, v)

    def once(self, event: str, f: Callable[..., Any] | None = None) -> Callable[..., Any]:
        """Add a listener that hears one event."""
        return super().once(event_name(event), f)

    def listeners(self, event: str) -> list[Callable[..., Any]]:
        """List the listeners of one event."""
        return super().listeners(event_name(event))

    def remove_listener(self, event: str, f: Callable[..., Any]) -> None:
        """Remove a listener, under either spelling."""
        super().remove_listener(event_name(event), f)

    def remove_all_listeners(self, event: str | None = None) -> None:
        """Remove the program's listeners of one event, or of all."""
        super().remove_all_listeners(None if event is None else event_name(event))
