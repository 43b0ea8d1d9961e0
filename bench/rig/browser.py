"""A headless Chromium whose page does what a test says: JavaScript goes in over a WebSocket, results come back."""

import asyncio
import contextlib
import json
import shutil
import tempfile

from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.http11 import Response

from bench.rig.chromium_flags import COMMON, FAKE_MICROPHONE

PAGE = b"""<!doctype html><meta charset=utf-8><script>
const socket = new WebSocket(location.href.replace('http', 'ws') + 'ws');
socket.onmessage = async event => {
  const {id, code} = JSON.parse(event.data);
  try { socket.send(JSON.stringify({id, value: await (new Function('return (async () => {' + code + '})()'))()})); }
  catch (error) { socket.send(JSON.stringify({id, error: String(error)})); }
};
</script>"""

FLAGS = (*COMMON, FAKE_MICROPHONE)

SETUP = """
window.pc = new RTCPeerConnection({bundlePolicy: 'max-bundle', ...CONFIG});
window.states = [];
pc.oniceconnectionstatechange = () => states.push(pc.iceConnectionState);
pc.ontrack = event => {
  const audio = new Audio(); audio.srcObject = event.streams[0]; audio.play(); window.audio = audio;
};
const stream = await navigator.mediaDevices.getUserMedia({audio: {echoCancellation: false, noiseSuppression: false,
  autoGainControl: false}});
for (const track of stream.getTracks()) window.sender = pc.addTrack(track, stream);
"""

INBOUND = """
const report = await pc.getStats();
for (const stat of report.values()) if (stat.type === 'inbound-rtp') return {packets: stat.packetsReceived,
  energy: stat.totalAudioEnergy, lost: stat.packetsLost, concealed: stat.concealedSamples, ssrc: stat.ssrc,
  seconds: stat.totalSamplesDuration};
return {packets: 0, energy: 0, lost: 0};
"""


class Browser:
    """One page; `run` evaluates the body of an async function there."""

    def __init__(self):
        self._socket = asyncio.get_running_loop().create_future()
        self._ids = 0
        self.pid = 0

    async def run(self, code, limit_s=20):
        socket = await asyncio.wait_for(asyncio.shield(self._socket), limit_s)
        self._ids += 1
        await socket.send(json.dumps({"id": self._ids, "code": code}))
        reply = json.loads(await asyncio.wait_for(self._replies.get(), limit_s))
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply.get("value")

    async def set_up(self, config="{}"):
        await self.run(SETUP.replace("CONFIG", config))

    async def create_offer(self, options="{}"):
        """The page's offer as the JavaScript SDK sends it: at once, so without candidates."""
        return await self.run(
            f"const offer = await pc.createOffer({options}); await pc.setLocalDescription(offer);"
            "return pc.localDescription.sdp"
        )

    async def apply(self, kind, sdp):
        await self.run(f"await pc.setRemoteDescription({{type: '{kind}', sdp: {json.dumps(sdp)}}})")

    async def answer(self, sdp):
        await self.apply("offer", sdp)
        return await self.run(
            "const answer = await pc.createAnswer(); await pc.setLocalDescription(answer);"
            "return pc.localDescription.sdp"
        )

    async def inbound(self):
        return await self.run(INBOUND)

    async def until_hears(self, packets=20, limit_s=15):
        """Wait until that many more packets, with sound in them, arrived in the page."""
        first = await self.inbound()
        async with asyncio.timeout(limit_s):
            while True:
                now = await self.inbound()
                if now["packets"] >= first["packets"] + packets and now["energy"] > first["energy"]:
                    return now
                await asyncio.sleep(0.1)

    async def serve(self, socket):
        self._replies = asyncio.Queue()
        self._socket.set_result(socket)
        async for message in socket:
            self._replies.put_nowait(message)


def _page(connection, request):
    if request.path == "/ws":
        return None
    return Response(200, "OK", Headers({"Content-Type": "text/html", "Content-Length": str(len(PAGE))}), PAGE)


@contextlib.asynccontextmanager
async def browser(*flags):
    """Start Chromium on a page of ours; ends it by its process id."""
    page = Browser()
    profile = tempfile.mkdtemp()
    async with serve(page.serve, "127.0.0.1", 0, process_request=_page, max_size=None) as server:
        port = server.sockets[0].getsockname()[1]
        chromium = await asyncio.create_subprocess_exec(
            shutil.which("chromium") or "chromium",
            *FLAGS,
            *flags,
            f"--user-data-dir={profile}",
            f"http://127.0.0.1:{port}/",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        page.pid = chromium.pid
        try:
            yield page
        finally:
            chromium.terminate()
            await chromium.wait()
            shutil.rmtree(profile, ignore_errors=True)
