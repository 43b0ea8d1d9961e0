"""A page over a box that remembers what was asked of it, and a client that talks to the page."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from geventhttpclient import HTTPClient

from agent.errors import InvalidArgumentError, InvalidStateError
from agent.kiosk.recent_moments import RecentMoments
from agent.page.api_keys import PERMISSIONS, ApiKeySettings, ApiSettings, Asker, new_key
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
        self.ringing = False
        self.opened_by = ("page", "http")
        self.openers: list[str] = []
        self.moments = RecentMoments()
        self.found: dict[str, Any] = {"state": "never", "began_at_ms": None, "checks": []}

    def status(self) -> dict[str, Any]:
        return self.shown

    def press(self, name: str, hold_s: float, by: str = "") -> None:
        if name not in ("green", "grün"):
            raise InvalidArgumentError(f"there is no button {name!r}")
        self.done.append(("press", name, hold_s))

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        self.watchers.append(changed)
        return lambda: self.watchers.remove(changed) if changed in self.watchers else None

    def moments_since(self, last: int) -> list[dict[str, Any]]:
        return self.moments.since(last)

    def call(self, to: str) -> None:
        self.done.append(("call", to))

    def answer(self) -> None:
        if not self.ringing:
            raise InvalidStateError("no call rings")
        self.done.append(("answer",))

    def hang_up(self) -> None:
        self.done.append(("hang up",))

    def set_do_not_disturb(self, on: bool) -> None:
        self.done.append(("do not disturb", on))

    def may_open(self, by: str, name: str) -> bool:
        return by in self.opened_by

    def open_door(self, name: str, asker: Asker) -> None:
        if self.jammed:
            raise HardwareError("the relay is gone: check its cable")
        if name:
            raise InvalidStateError(f"this box has no door {name!r}")
        self.openers.append(asker.name)
        self.done.append(("door",))

    def set_volume(self, percent: int) -> None:
        self.done.append(("volume", percent))

    def sound(self) -> dict[str, Any]:
        return {"has_cards": True, "devices": [], "tone": {"is_playing": False, "tested": None}}

    def play_tone(self) -> None:
        self.done.append(("play tone",))

    def settings(self) -> list[dict[str, Any]]:
        return [{"key": "box.identity", "value": "lobby", "is_default": False, "is_hidden": False}]

    def doctor(self) -> dict[str, Any]:
        return self.found

    def run_doctor(self) -> None:
        self.done.append(("run doctor",))

    def tell(self, moment: str, detail: str = "") -> None:
        """Let something happen, and tell who watches."""
        self.moments.note(moment, detail, 1_700_000_000.0)
        self.change()

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

    @staticmethod
    def basic(password: str) -> str:
        """What a browser sends for a password."""
        return "Basic " + base64.b64encode(f":{password}".encode()).decode()

    def send(self, name: str, body: object, **headers: str) -> Any:
        """Ask the interface for something; a body that is no bytes is sent as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {"Content_Type": "application/json", "X-Kiosk-Panel": "1", **headers}
        return self._ask("POST", f"/api/v1/{name}", named, raw)

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(method, path, headers={"Host": self.host, **named}, body=body)


@pytest.fixture
def box() -> RecordingBox:
    return RecordingBox()


@pytest.fixture
def serve(box: RecordingBox) -> Iterator[Callable[..., Browser]]:
    pages: list[Page] = []
    browsers: list[Browser] = []

    def start(**settings: Any) -> Browser:
        api = settings.pop("api", ApiSettings())
        pages.append(Page(PageSettings(listen="127.0.0.1:0", **settings), box, api))
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


@pytest.fixture
def keys() -> tuple[ApiSettings, dict[str, str]]:
    """A key for each permission, one for all, and what a program sends with each."""
    made: dict[str, ApiKeySettings] = {}
    bearers: dict[str, str] = {}
    for name, permissions in {"look": ("look",), "talk": ("talk",), "open": ("open",),
                              "mend": ("mend",), "all": PERMISSIONS}.items():  # fmt: skip
        key, key_hash = new_key()
        made[name] = ApiKeySettings(key_hash, permissions)
        bearers[name] = f"Bearer {key}"
    return ApiSettings(made), bearers
