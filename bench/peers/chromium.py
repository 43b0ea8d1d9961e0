"""Chromium at both ends: a page with an RTCPeerConnection, driven over the DevTools protocol."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from bench.rig.chromium_flags import COMMON, STEERED
from bench.stage import End, ending

FLAGS = (*COMMON, *STEERED)
START_LIMIT_S = 30.0
CLONE_NEWNET = 0x40000000

SET_UP = """(async () => {
  window.pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
  pc.ontrack = event => {
    window.audio = new Audio(); audio.srcObject = event.streams[0]; audio.play();
  };
  const stream = await navigator.mediaDevices.getUserMedia({audio: {
    echoCancellation: PROCESSING, noiseSuppression: PROCESSING, autoGainControl: PROCESSING}});
  for (const track of stream.getTracks()) pc.addTrack(track, stream);
  window.gathered = () => new Promise(done => {
    const look = () => pc.iceGatheringState === 'complete' && done(pc.localDescription.sdp);
    pc.onicegatheringstatechange = look; look();
  });
})()"""
OFFER = "(async () => { await pc.setLocalDescription(await pc.createOffer()); return await gathered(); })()"
ANSWER = """(async () => {
  await pc.setRemoteDescription({type: 'offer', sdp: SDP});
  await pc.setLocalDescription(await pc.createAnswer()); return await gathered();
})()"""
ACCEPT = "pc.setRemoteDescription({type: 'answer', sdp: SDP})"


class Page:
    """One page; `run` evaluates JavaScript in it."""

    def __init__(self, connection: ClientConnection, pid: int) -> None:
        self.pid = pid
        self._connection = connection
        self._ids = itertools.count(1)
        self._session: dict[str, str] = {}

    def attach(self, url: str) -> None:
        """Turn to the page with that address."""
        deadline = time.monotonic() + START_LIMIT_S
        while not (found := [t for t in self.call("Target.getTargets")["targetInfos"] if t["url"] == url]):
            if time.monotonic() > deadline:
                raise RuntimeError("Chromium did not open the page")
            time.sleep(0.05)
        attached = self.call("Target.attachToTarget", targetId=found[0]["targetId"], flatten=True)
        self._session = {"sessionId": attached["sessionId"]}

    def run(self, code: str) -> Any:
        """The value of an expression, or of its promise."""
        answer = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"in the page: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a DevTools method."""
        number = next(self._ids)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters, **self._session}))
        while True:
            frame = json.loads(self._connection.recv(START_LIMIT_S))
            if frame.get("id") == number:
                if "error" in frame:
                    raise RuntimeError(f"{method}: {frame['error']}")
                result: dict[str, Any] = frame["result"]
                return result

    def until(self, condition: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + START_LIMIT_S
        while not self.run(f"Boolean({condition})"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"never true in the page: {condition}")
            time.sleep(0.05)


@contextlib.contextmanager
def call(one: End, other: End, *, processing: bool, bitrate: int = 0) -> Iterator[list[int]]:
    """A call over the cards; the process ids of both browsers. `bitrate` 0 leaves Chromium's own."""
    with page(one) as first, page(other) as second:
        for tab in (first, second):
            tab.run(SET_UP.replace("PROCESSING", json.dumps(processing)))
        offer = _limited(first.run(OFFER), bitrate)
        answer = _limited(second.run(ANSWER.replace("SDP", json.dumps(offer))), bitrate)
        first.run(ACCEPT.replace("SDP", json.dumps(answer)))
        for tab in (first, second):
            tab.until("pc.connectionState === 'connected'")
        yield [first.pid, second.pid]


def _limited(sdp: str, bitrate: int) -> str:
    """The description with an Opus bit rate."""
    return sdp.replace("useinbandfec=1", f"useinbandfec=1;maxaveragebitrate={bitrate}") if bitrate else sdp


@contextlib.contextmanager
def page(end: End, *flags: str) -> Iterator[Page]:
    """A browser at an end, with one page open."""
    with contextlib.ExitStack() as stack:
        profile = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        (end.folder / "page.html").write_text("<!doctype html><meta charset=utf-8><title>bench</title>")
        program = shutil.which("chromium") or "chromium"
        url = f"file://{end.folder}/page.html"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = end.start(program, *FLAGS, *flags, f"--user-data-dir={profile}", url, **quiet)
        stack.enter_context(ending(process))
        port, path = _devtools(profile / "DevToolsActivePort")
        address = f"ws://127.0.0.1:{port}{path}"
        plug = _socket_in(end, port)
        tab = Page(stack.enter_context(connect(address, sock=plug, max_size=None, ping_interval=None)), process.pid)
        tab.attach(url)
        tab.until("document.title === 'bench'")
        yield tab


def _devtools(file: Path) -> tuple[int, str]:
    """The port, and the path of the browser's WebSocket."""
    deadline = time.monotonic() + START_LIMIT_S
    while not file.exists() or len(file.read_text().splitlines()) < 2:
        if time.monotonic() > deadline:
            raise RuntimeError("Chromium did not start")
        time.sleep(0.05)
    port, path = file.read_text().splitlines()[:2]
    return int(port), path


def _socket_in(end: End, port: int) -> socket.socket:
    """A connection to a port in the end's namespace; only the thread that opens it enters that."""
    made: list[socket.socket] = []

    def enter() -> None:
        with Path(f"/run/netns/{end.namespace}").open() as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "the namespace cannot be entered")
        made.append(socket.create_connection(("127.0.0.1", port), 10))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if not made:
        raise RuntimeError("Chromium's DevTools cannot be reached")
    return made[0]
