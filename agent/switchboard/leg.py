"""The media of one leg."""

from __future__ import annotations

from collections.abc import Callable


class MediaLeg:
    """One client's audio."""

    def __init__(self, on_alive: Callable[[bool], None]) -> None:
        self._on_alive = on_alive
        self.codec: str | None = None

    async def offer(self, codecs: tuple[str, ...]) -> str:
        return ""

    async def accept(self, sdp: str) -> None:
        pass

    async def answer(self, sdp: str, codecs: tuple[str, ...]) -> str:
        return ""

    async def restart(self, sdp: str) -> str:
        return ""

    def join(self, other: MediaLeg) -> None:
        pass

    def play_tone(self) -> None:
        pass

    def play_digits(self, digits: str) -> None:
        pass

    async def close(self) -> None:
        pass
