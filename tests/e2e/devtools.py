"""Drives one headless Chromium over its DevTools protocol; asyncio only."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from bench.rig.chromium_flags import COMMON, FAKE_MICROPHONE, STEERED

START_TIMEOUT_S = 60
CALL_TIMEOUT_S = 60
FLAGS = (
    *COMMON,
    *STEERED,
    FAKE_MICROPHONE,
    "--ignore-certificate-errors",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


def find_chromium() -> str | None:
    """Return the path of a Chromium-like browser, if one is installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


class PageError(AssertionError):
    """What ran in the page failed."""


class Chromium:
    """A running browser; `microphone` is the WAV file that every page hears, over and over."""

    def __init__(self, process: asyncio.subprocess.Process, socket: ClientConnection) -> None:
        self._process = process
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._console: dict[str, list[str]] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, profile: Path, microphone: Path) -> Chromium:
        """Start it with an empty profile."""
        path = find_chromium()
        assert path, "no Chromium is installed"
        process = await asyncio.create_subprocess_exec(
            path,
            *FLAGS,
            f"--user-data-dir={profile}",
            f"--use-file-for-fake-audio-capture={microphone}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            url = await asyncio.wait_for(_endpoint(process, profile / "DevToolsActivePort"), START_TIMEOUT_S)
            return cls(process, await connect(url, max_size=None, ping_interval=None, compression=None))
        except BaseException:
            process.kill()
            raise

    async def open(self, url: str) -> Tab:
        """Open a page in a profile of its own, and wait until it has loaded."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = await self.call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        tab = Tab(self, context, attached["sessionId"])
        await tab.call("Runtime.enable")
        await tab.call("Page.enable")
        await tab.call("Page.navigate", url=url)
        await tab.until("document.readyState === 'complete' && location.href !== 'about:blank'")
        return tab

    async def close(self) -> None:
        """End the browser."""
        self._reader.cancel()
        await self._socket.close()
        if self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 10)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    async def call(self, method: str, session_id: str | None = None, /, **params: Any) -> dict[str, Any]:
        """Call a DevTools method and return its result."""
        number = next(self._ids)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        where = {"sessionId": session_id} if session_id else {}
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params, **where}))
        frame = await asyncio.wait_for(answer, CALL_TIMEOUT_S)
        if "error" in frame:
            raise PageError(f"{method}: {frame['error']}")
        result: dict[str, Any] = frame["result"]
        return result

    def console(self, session_id: str) -> list[str]:
        """Return what a page wrote to its console and what it threw."""
        return self._console.get(session_id, [])

    async def _read(self) -> None:
        async for text in self._socket:
            frame = json.loads(text)
            if "id" in frame:
                self._waiting.pop(frame["id"]).set_result(frame)
            elif frame["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
                self._console.setdefault(frame["sessionId"], []).append(json.dumps(frame["params"])[:500])


class Tab:
    """One page."""

    def __init__(self, chromium: Chromium, context: str, session_id: str) -> None:
        self._chromium = chromium
        self._context = context
        self._session_id = session_id

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a DevTools method of this page."""
        return await self._chromium.call(method, self._session_id, **params)

    async def run(self, expression: str) -> Any:
        """Evaluate JavaScript, wait for its promise, and return its value."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    async def until(self, condition: str, timeout_s: float = 30) -> None:
        """Wait until a JavaScript expression is truthy."""
        try:
            async with asyncio.timeout(timeout_s):
                while not await self.run(f"Boolean({condition})"):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            console = "\n".join(self._chromium.console(self._session_id)[-8:])
            seen = await self.run("document.body.innerText")
            raise PageError(f"never true: {condition}\nevents: {await self._events()}\n{console}\n{seen}") from None

    async def allow(self, *permissions: str) -> None:
        """Answer yes, for its profile, to what a page of this origin asks its user."""
        origin = await self.run("location.origin")
        await self._chromium.call("Browser.grantPermissions", origin=origin, permissions=list(permissions),
                                  browserContextId=self._context)  # fmt: skip

    async def hide(self) -> None:
        """Let its user look at another tab."""
        await self._chromium.call("Target.createTarget", url="about:blank", browserContextId=self._context)
        await self.until("document.hidden && !document.hasFocus()")

    async def close(self) -> None:
        """Close the page and forget its profile."""
        await self._chromium.call("Target.disposeBrowserContext", browserContextId=self._context)

    async def crash(self) -> None:
        """Kill the page's process, so that it cannot say goodbye."""
        with suppress(TimeoutError, PageError):
            async with asyncio.timeout(1):
                await self.call("Page.crash")  # which nobody is left to answer

    async def _events(self) -> Any:
        return await self.run("typeof events === 'undefined' ? null : events.map((event) => event.join(' '))")


async def _endpoint(process: asyncio.subprocess.Process, port_file: Path) -> str:
    while process.returncode is None:
        lines = port_file.read_text().splitlines() if port_file.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        await asyncio.sleep(0.05)
    raise PageError(f"Chromium ended at once with status {process.returncode}")
