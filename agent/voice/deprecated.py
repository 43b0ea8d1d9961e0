"""Deprecated members of the SDK, kept for programs that still use them.

Methods warn each time, registrations of listeners once per process; a Device that is told not to warn is silent, and
takes the warning from no other.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

_warned: set[str] = set()


class Warns(Protocol):
    """The log of one Device."""

    def isEnabledFor(self, level: int, /) -> bool: ...

    def warning(self, message: str, /, *arguments: object) -> None: ...


def deprecated(log: Warns, old: str, better: str) -> None:
    """Warn that `old` will go."""
    log.warning("%s is deprecated; use %s", old, better)


def registered(log: Warns, member: str, event: str) -> None:
    """Warn, the first time, that `member` will no longer register listeners of `event`."""
    if member not in _warned and log.isEnabledFor(logging.WARNING):
        _warned.add(member)
        deprecated(log, f"{member}(handler)", f'on("{event}", handler)')


def or_handler(event: str) -> Callable[[F], F]:
    """Let `thing.method(function)` register the function as a listener of `event`, as the SDK once did."""

    def decorate(method: F) -> F:
        @functools.wraps(method)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            if args and callable(args[0]):
                registered(self.log, f"{type(self).__name__}.{method.__name__}", event)
                self.on(event, args[0])
                return None
            return method(self, *args, **kwargs)

        return cast(F, call)

    return decorate


class ConnectionAliases:
    """The deprecated members of a Connection (spec: connection 4)."""

    log: Warns
    on: Callable[..., Any]
    ignore: Callable[[], None]
    mute: Callable[[bool], None]
    parameters: dict[str, Any]
    outbound_connection_id: str

    @or_handler("cancel")
    def cancel(self) -> None:
        """Do the same as `ignore`."""
        deprecated(self.log, "Connection.cancel()", "ignore()")
        self.ignore()

    def unmute(self) -> None:
        """Do the same as `mute(False)`."""
        deprecated(self.log, "Connection.unmute()", "mute(False)")
        self.mute(False)

    def error(self, handler: Callable[..., Any]) -> None:
        """Do the same as `on("error", handler)`."""
        self._register("error", handler)

    def volume(self, handler: Callable[..., Any]) -> None:
        """Do the same as `on("volume", handler)`."""
        self._register("volume", handler)

    def _register(self, event: str, handler: Callable[..., Any]) -> None:
        registered(self.log, f"{type(self).__name__}.{event}", event)
        self.on(event, handler)

    def _get_real_call_sid(self) -> str | None:
        sid = self.parameters.get("CallSid")
        return None if sid is None or str(sid).startswith("TJ") else str(sid)

    def _get_temp_call_sid(self) -> str:
        return self.outbound_connection_id


class DeviceAliases:
    """The deprecated listener registrations of a Device (spec: device 4)."""

    log: Warns
    on: Callable[..., Any]

    def cancel(self, handler: Callable[..., Any]) -> None:
        """Do the same as `on("cancel", handler)`."""
        self._register("cancel", handler)

    def disconnect(self, handler: Callable[..., Any]) -> None:
        """Do the same as `on("disconnect", handler)`."""
        self._register("disconnect", handler)

    def error(self, handler: Callable[..., Any]) -> None:
        """Do the same as `on("error", handler)`."""
        self._register("error", handler)

    def incoming(self, handler: Callable[..., Any]) -> None:
        """Do the same as `on("incoming", handler)`."""
        self._register("incoming", handler)

    def offline(self, handler: Callable[..., Any]) -> None:
        """Do the same as `on("offline", handler)`."""
        self._register("offline", handler)

    def ready(self, handler: Callable[..., Any]) -> None:
        """Do the same as `on("ready", handler)`."""
        self._register("ready", handler)

    def _register(self, event: str, handler: Callable[..., Any]) -> None:
        registered(self.log, f"{type(self).__name__}.{event}", event)
        self.on(event, handler)
