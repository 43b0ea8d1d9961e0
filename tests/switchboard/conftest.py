"""Fixtures of the switchboard's tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from .phones import Site, running

Story = Callable[[Site], Coroutine[Any, Any, None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Run an async story against a fresh switchboard."""

    def run(story: Story, **settings: Any) -> None:
        async def main() -> None:
            async with running(tmp_path, **settings) as site:
                await story(site)

        asyncio.run(main())

    return run
