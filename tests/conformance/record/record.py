"""Records what the unmodified JavaScript SDK, 1.15.1 or 2.18.5, does in Chromium, in the format of the transcripts.

    python -m tests.conformance.record.record [SCENARIO ...]
    SDK=.../voice-sdk/dist/twilio.js python -m tests.conformance.record.record [SCENARIO ...]

Needs Chromium and the SDK 1.15.1 in tests/e2e/js (./test.sh installs it), or in SDK the file of 2.18.5. Each of
scenarios.py becomes a file in transcripts/own, of later_scenarios.py one in transcripts/own-2.18. The page writes
down everything that it can see; the server's side of the story comes from here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import ssl
import sys
import tempfile
import time
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from bench.rig.certificate import make_certificate
from tests.conformance.real_media import FarEnd
from tests.conformance.server import HOSTS
from tests.e2e.devtools import Chromium, Tab

HERE = Path(__file__).parent
LATER = os.environ.get("SDK")
SDK = Path(LATER or HERE.parents[1] / "e2e" / "js" / "node_modules" / "twilio-client" / "dist" / "twilio.js")
OUT = HERE.parent / "transcripts" / ("own-2.18" if LATER else "own")
FILES = {
    "/page.html": ("text/html", HERE / "page.html"),
    "/before.js": ("text/javascript", HERE / "before.js"),
    "/after.js": ("text/javascript", HERE / "after.js"),
    "/sdk.js": ("text/javascript", SDK),
}
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.abc"
HEARTBEAT_S = 10.0
GREETING = {"region": "US_EAST_VIRGINIA", "gateway": "g", "edge": "roaming" if LATER else "ashburn"} | (
    {"home": "us1", "token": {"identity": "alice", "ttl": 3000}} if LATER else {}
)
RING_MS = 2_400  # the SDK waits 2 s for a sound that it cannot fetch


class Story:
    """One scenario while it is recorded: the words in which scenarios.py tells it."""

    def __init__(self, tab: Tab, port: int) -> None:
        self.mode = "accept"  # what becomes of the next request to upgrade
        self.greeting: dict[str, Any] = GREETING
        self._refused: tuple[str, ...] = ()
        self.answers_by_itself = True
        self.far: FarEnd | None = None
        self.offers: list[str] = []
        self._described = ""  # the offer that was answered last
        self.hole = False
        self.beats = True
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sockets: list[ServerConnection] = []
        self.lines: list[dict[str, Any]] = []
        self._tab = tab
        self._server = f"127.0.0.1:{port}"

    # The program

    async def act(self, name: str, *args: Any) -> None:
        """Call the API: `connection2.accept` is about the second call."""
        told = (args[0] if args else {}) if name == "device.connect" else list(args)
        await self._act(name, list(args), told)

    async def setup(self, **options: Any) -> None:
        own = {"eventgw": self._server} | ({} if options.keys() & {"edge", "region"} else {"chunderw": self._server})
        if LATER:  # the page leads every host to this server
            told = json.dumps(options)
            await self._tab.run(f"create({json.dumps(TOKEN)}, {told}, {told})")
        else:
            await self._act("device.setup", [TOKEN, options | own], options)

    async def update_token(self) -> None:
        await self._act("device.updateToken", [TOKEN + "d"], ["<token>"])

    async def ready(self, **options: Any) -> None:
        await self.setup(**options)
        if LATER:
            await self.act("device.register")
        await self.expect("register")
        await self.wait(300)

    async def microphone(self, refusal: str = "", delay_ms: int = 0) -> None:
        await self._tab.run(f"microphone = {{refusal: {json.dumps(refusal)}, delayMs: {delay_ms}}}")

    # The server

    async def send(self, type_: str, **payload: Any) -> None:
        await self.say(json.dumps({"type": type_, "version": "1.5", "payload": payload}, separators=(",", ":")))

    async def say(self, text: str) -> None:
        await self.sockets[-1].send(text)

    async def invite(self, callsid: str, *, reconnect: str = "", **parameters: str) -> None:
        """Somebody calls; returns when the page has been told."""
        self.far = FarEnd(self.hole)
        told = {"CallSid": callsid, "From": "+1555", "To": "client:alice", "ApiVersion": "2010-04-01", **parameters}
        token = {"reconnect": reconnect} if reconnect else {}
        await self.send("invite", callsid=callsid, sdp=await self.far.offer(), parameters=told, **token)
        await self.wait(RING_MS)

    async def describe(self, type_: str, callsid: str | None = "CA1", *, digits: bool = True, **more: Any) -> None:
        """Send `answer` or `ringing` with the far end's answer to the SDK's next offer."""
        self.far = self.far or FarEnd(self.hole)
        self._described = self.offers.pop(0)
        sdp = await self.far.answer(self._described)
        if not digits:
            sdp = "\r\n".join(line for line in sdp.split("\r\n") if "telephone-event" not in line)
        await self.send(type_, **({"callsid": callsid} if callsid else {}), sdp=sdp, **more)
        await self.wait(900)

    async def dial(self) -> None:
        """The program calls somebody; its offer is there."""
        self.offers.clear()
        self.far = None
        await self.act("device.connect", {"params": {"To": "x"}} if LATER else {"To": "x"})
        await self.expect("invite")
        await self.wait(200)

    async def talk(self, callsid: str = "CA1", **more: Any) -> None:
        """A call of the program is answered; `more` comes with the answer."""
        await self.dial()
        await self.send("ringing", callsid=callsid)
        await self.describe("answer", callsid, **more)
        await self.wait(600)

    async def accepted(self, name: str = "") -> None:
        await self.act(name or ("call.accept" if LATER else "connection.accept"))
        await self.expect("answer")
        await self.wait(600)

    async def drop(self, code: int = 1006, reason: str = "") -> None:
        """Lose the socket: 1006 breaks it off."""
        self.log(what="drop-ws", **({"abort": True} if code == 1006 else {"code": code, "reason": reason}))
        if code == 1006:
            self.sockets[-1].transport.abort()
        else:
            await self.sockets[-1].close(code, reason)

    async def upgrades(self, mode: str) -> None:
        """From now on: accept, refuse or silence."""
        self.mode = mode

    async def refused_hosts(self, *hosts: str) -> None:
        """From now on no upgrade at these."""
        self._refused = hosts

    def mode_at(self, path: str) -> str:
        """What becomes of a request to upgrade."""
        return "refuse" if path.partition("?")[2] in self._refused else self.mode

    async def greet(self, **told: Any) -> None:
        """What `connected` says from now on besides the usual."""
        self.greeting = GREETING | told

    async def silent(self, silent: bool) -> None:
        """Whether the server leaves `listen` and `register` without an answer."""
        self.answers_by_itself = not silent

    def is_restart(self, offer: str) -> bool:
        """Whether an offer is for another path than the one before."""
        paths = [re.findall(r"a=ice-ufrag:(\S+)", sdp) for sdp in (offer, self._described)]
        return paths[0] != paths[1]

    async def hang_up_temporary(self) -> None:
        """End a call by the name that the SDK gave it."""
        self.offers.clear()
        await self.act("device.connect", {"To": "x"})
        invite = await self.expect("invite")
        await self.send("hangup", callsid=invite["payload"]["callsid"])
        await self.wait(500)

    async def heartbeat(self, on: bool) -> None:
        """Whether the server gives signs of life from now on."""
        self.beats = on

    async def disturb(self, loss: float = 0.0, delay_ms: float = 0.0) -> None:
        """What happens to packets from now on, in both directions."""
        assert self.far is not None
        self.far.disturb(loss, delay_ms / 1000)

    async def blackhole(self, on: bool) -> None:
        self.hole = on
        self.log(what="blackhole", on=on)
        if self.far is not None:
            self.far.blackhole(on)

    # Time

    async def wait(self, ms: float) -> None:
        await asyncio.sleep(ms / 1000)

    async def expect(self, type_: str, timeout_s: float = 45) -> dict[str, Any]:
        """Wait for a frame of the SDK."""
        async with asyncio.timeout(timeout_s):
            while True:
                frame = await self.heard.get()
                if frame["type"] == type_:
                    return frame

    def log(self, **line: Any) -> None:
        self.lines.append({"t": time.time() * 1000, "k": "srv", **line})

    async def finished(self) -> list[dict[str, Any]]:
        """Every line in the order of time, beginning with the first call of the API."""
        await self.wait(400)
        lines = sorted(self.lines + await self._tab.run("record"), key=lambda line: float(line["t"]))
        begin = next(line["t"] for line in lines if line["k"] == "act")
        return [line | {"t": round(line["t"] - begin, 1)} for line in lines]

    async def _act(self, name: str, args: list[Any], told: Any) -> None:
        await self._tab.run(f"act({json.dumps(name)}, {json.dumps(args)}, {json.dumps(told)})")


class Recorder:
    """The server that pages come from and connect to; `story` is the one being told."""

    def __init__(self) -> None:
        self.story: Story | None = None

    async def start(self, folder: Path) -> Server:
        make_certificate(folder / "certificate.pem", folder / "key.pem", HOSTS)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        return await serve(self._handle, "127.0.0.1", 0, ssl=context, process_request=self._request,
                           ping_interval=None, compression=None)  # fmt: skip

    async def beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if self.story is not None and self.story.beats and self.story.sockets:
                await asyncio.gather(self.story.say("\n"), return_exceptions=True)

    async def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path.startswith("/signal") and self.story is not None:
            mode = self.story.mode_at(request.path)
            self.story.log(what="ws-request", mode=mode)
            if mode == "refuse":
                return connection.respond(503, "not now")
            if mode == "silence":
                await asyncio.sleep(30)
            return None
        kind, path = FILES.get(request.path, ("", None))
        body = path.read_bytes() if path is not None else b""
        headers = Headers({"Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close",
                           "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*"})  # fmt: skip
        return Response(200 if path else 204, "OK", headers, body)

    async def _handle(self, socket: ServerConnection) -> None:
        story = self.story
        assert story is not None
        story.sockets.append(socket)
        async for text in socket:
            if text != "\n":
                await self._take(story, json.loads(text))

    async def _take(self, story: Story, frame: dict[str, Any]) -> None:
        type_, payload = frame["type"], frame.get("payload") or {}
        if type_ in ("invite", "reinvite"):
            story.offers.append(payload["sdp"])
        elif type_ == "answer" and story.far is not None:
            await story.far.apply(payload["sdp"])
        story.heard.put_nowait(frame)
        if story.answers_by_itself and type_ == "listen":
            await story.send("connected", **story.greeting)
        elif story.answers_by_itself and type_ == "register" and payload["media"]["audio"]:
            await story.send("ready")
        elif story.answers_by_itself and type_ == "register" and LATER:
            await story.send("offline")
        elif story.answers_by_itself and type_ == "invite" and "reconnect" in payload:
            sdp = await story.far.answer(payload["sdp"]) if story.far and story.is_restart(payload["sdp"]) else "v=0"
            await story.send("answer", callsid=payload["callsid"], reconnect=payload["reconnect"] + "+", sdp=sdp)


async def main(names: list[str]) -> None:
    if LATER:
        from tests.conformance.record.later_scenarios import SCENARIOS
    else:
        from tests.conformance.record.scenarios import SCENARIOS

    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    OUT.mkdir(exist_ok=True)
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as folder:
        server = await recorder.start(Path(folder))
        heart = asyncio.create_task(recorder.beat())
        chromium = await Chromium.start(Path(folder) / "profile", write_noise(Path(folder) / "noise.wav"))
        port = server.sockets[0].getsockname()[1]
        for name in names or SCENARIOS:
            tab = await chromium.open(f"https://127.0.0.1:{port}/page.html")
            recorder.story = story = Story(tab, port)
            await tell(name, SCENARIOS[name], story)
            await tab.close()
        heart.cancel()
        await chromium.close()
        server.close()


async def tell(name: str, steps: list[Callable[[Story], Awaitable[Any]]], story: Story) -> None:
    for step in steps:
        await step(story)
    sdk = "@twilio/voice-sdk@2.18.5" if LATER else "twilio-client@1.15.1"
    lines = [{"k": "meta", "scenario": name, "sdk": sdk}, *await story.finished()]
    (OUT / f"{name}.jsonl").write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    if story.far is not None:
        story.far.close()
    print(name, len(lines))


def write_noise(path: Path) -> Path:
    """What the browser's microphone hears."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(np.random.default_rng(1).normal(0, 3_000, 144_000).astype("<i2").tobytes())
    return path


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
