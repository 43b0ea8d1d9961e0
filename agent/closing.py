"""Objects that hold something until `close` are context managers; those of the asyncio loop with `async with`."""

from __future__ import annotations

from typing import Protocol, Self

from hw.closing import Closing

__all__ = ["AsyncClosing", "Closing"]


class _ClosesLater(Protocol):
    async def close(self) -> None: ...


class AsyncClosing:
    """Awaits `close` at the end of an `async with`."""

    __slots__ = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self: _ClosesLater, *_failure: object) -> None:
        await self.close()
