"""Objects that hold something until `close` are context managers: `with` closes them, whatever happened."""

from __future__ import annotations

from typing import Protocol, Self


class _Closes(Protocol):
    def close(self) -> None: ...


class Closing:
    """Calls `close` at the end of a `with`."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self: _Closes, *_failure: object) -> None:
        self.close()
