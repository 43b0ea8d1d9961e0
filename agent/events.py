"""The event emitter of every public object: pyee, but a faulty listener never breaks the emitter."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from pyee.base import EventEmitter

log = logging.getLogger(__name__)


class Emitter(EventEmitter):
    """Synchronous emitter on the hub; a listener's exception is logged and the next listener still runs."""

    def _emit_run(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            f(*args, **kwargs)
        except Exception:
            log.exception("a listener of %s failed: %r", type(self).__name__, f)

    def _emit_handle_potential_error(self, event: str, error: Any) -> None:
        """An `error` that nobody listens to is swallowed, as in the SDK (spec: device 7.1)."""
