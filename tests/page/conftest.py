"""A page over a box that remembers what was asked of it, and a client that talks to the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from geventhttpclient import HTTPClient

from agent.errors import InvalidArgumentError
from agent.page.server import Page
from agent.page.settings import PageSettings
from hw.errors import HardwareError


class RecordingBox:
    """A box without a box."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.shown: dict[str, Any] = {"identity": "lobby", "states": ["ready"], "door": {"open": False}}
        self.watchers: list[Callable[[], None]] = []
        self.jammed = False

    def status(self) -> dict[str, Any]:
        return self.shown

    def press(self, name: str, hold_s: float) -> None:
        if name not in ("green", "grün"):
            raise InvalidArgumentError(f"there is no button {name!r}")
        self.done.append(("press", name, hold_s))

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        self.watchers.append(changed)
        return lambda: self.watchers.remove(changed) if changed in self.watchers else None

    def open_door(self) -> None:
        if self.jammed:
            raise HardwareError("the relay is gone: check its cable")
        self.done.append(("door",))

    def set_volume(self, percent: int) -> None:
        self.done.append(("volume", percent))

    def change(self, **shown: Any) -> None:
        """Show something else, and tell who watches."""
        self.shown = {**self.shown, **shown}
        for changed in list(self.watchers):
            changed()


class Browser:
    """Asks one page; a POST carries what the page's own script sends."""

    def __init__(self, page: Page) -> None:
        port = page.url.rpartition(":")[2].strip("/")
        self.host = f"127.0.0.1:{port}"
        self.client = HTTPClient("127.0.0.1", int(port), concurrency=20, connection_timeout=10, network_timeout=10)

    def get(self, path: str, **headers: str) -> Any:
        return self._ask("GET", path, headers)

    def post(self, path: str, **headers: str) -> Any:
        return self._ask("POST", path, {"X-Kiosk-Panel": "1", **headers})

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(method, path, headers={"Host": self.host, **named}, body=b"")


@pytest.fixture
def box() -> RecordingBox:
    return RecordingBox()


@pytest.fixture
def serve(box: RecordingBox) -> Iterator[Callable[..., Browser]]:
    pages: list[Page] = []
    browsers: list[Browser] = []

    def start(**settings: Any) -> Browser:
        pages.append(Page(PageSettings(listen="127.0.0.1:0", **settings), box))
        pages[-1].start()
        browsers.append(Browser(pages[-1]))
        return browsers[-1]

    yield start
    for browser in browsers:
        browser.client.close()
    for page in pages:
        page.close()


@pytest.fixture
def browser(serve: Callable[..., Browser]) -> Browser:
    return serve()
