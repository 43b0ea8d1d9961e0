"""Sound devices as the seed's Device.audio shows them."""

from __future__ import annotations

from typing import Any


class AudioHelper:
    """placeholder"""

    def __init__(self, device: Any) -> None:
        self._device = device

    def call_opened(self) -> None: ...

    def call_ended(self) -> None: ...

    def close(self) -> None: ...
