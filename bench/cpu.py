"""CPU seconds per second of call, and memory: this program, Chromium and baresip, one after the other.

    python -m bench.cpu [--seconds 20] [--rounds 3]

Each carries Opus, 48 kHz mono, 20 ms, speech from a file both ways, encrypted (DTLS-SRTP). Of Chromium the whole
process tree of a bare page with an RTCPeerConnection counts, its audio processing off. Far ends are not counted. A
window in which other programs used more than a tenth of a core is repeated. Needs Chromium, baresip and espeak-ng.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import socket
import statistics
import sys
import tempfile
import wave
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np

from bench.measure import Cost, watch
from bench.speech import pieces
from hw.sound.frame import RATE_HZ

FOREIGN_LIMIT = 0.10
TRIES = 4
SETTLE_S = 6  # by then the far end has reported twice that nothing is lost
MUST = {"chromium": 0.25, "baresip": 2.5}
MUST_MEMORY = {"chromium": 0.2}

BARESIP_CONFIG = """
poll_method epoll
sip_listen 127.0.0.1:{port}
call_local_timeout 120
audio_path /usr/share/baresip
audio_player aubridge,loop
audio_source {source}
audio_alert aubridge,alert
ausrc_srate 48000
auplay_srate 48000
ausrc_channels 1
auplay_channels 1
opus_bitrate 48000
opus_stereo no
opus_sprop_stereo no
opus_inbandfec yes
module_path /usr/lib/baresip/modules
module opus.so
module aufile.so
module aubridge.so
module dtls_srtp.so
module_app account.so
module_app menu.so
"""

BARESIP_ACCOUNT = (
    "<sip:box@127.0.0.1:{port};transport=udp>;regint=0;answermode=auto;mediaenc=dtls_srtp;audio_codecs=opus/48000/1\n"
)

Subject = Callable[[Path], contextlib.AbstractAsyncContextManager[tuple[int, list[int]]]]


def write_speech(path: Path) -> None:
    """About half a minute of speech by four voices."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(np.concatenate(pieces()).tobytes())


@contextlib.asynccontextmanager
async def process(*command: str, **options: object) -> AsyncIterator[asyncio.subprocess.Process]:
    """A child that is ended by its process id."""
    child = await asyncio.create_subprocess_exec(*command, **options)  # type: ignore[arg-type]
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


@contextlib.asynccontextmanager
async def endpoint(role: str, speech: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """One of our ends; `options` are those of bench.endpoint."""
    command = (sys.executable, "-m", "bench.endpoint", role, str(speech), *options)
    async with process(*command, stdin=PIPE, stdout=PIPE, limit=1 << 20) as child:
        yield child


async def tell(child: asyncio.subprocess.Process, value: object) -> None:
    """Send an endpoint one value."""
    assert child.stdin is not None
    child.stdin.write(json.dumps(value).encode() + b"\n")
    await child.stdin.drain()


async def hear(child: asyncio.subprocess.Process) -> str:
    """The next value an endpoint says."""
    assert child.stdout is not None
    return str(json.loads(await asyncio.wait_for(child.stdout.readline(), 30)))


@contextlib.asynccontextmanager
async def ours(speech: Path, *options: str) -> AsyncIterator[tuple[int, list[int]]]:
    """A call between two of our ends, both with `options`; the first is measured."""
    async with endpoint("offer", speech, *options) as one, endpoint("answer", speech, *options) as other:
        await tell(other, await hear(one))
        await tell(one, await hear(other))
        await hear(one)
        yield one.pid, [other.pid]


@contextlib.asynccontextmanager
async def chromium(speech: Path) -> AsyncIterator[tuple[int, list[int]]]:
    """A call between a page and one of our ends; the page's whole process tree is measured."""
    from bench.rig.browser import browser

    flags = (f"--use-file-for-fake-audio-capture={speech}",)
    async with browser(*flags) as page, endpoint("answer", speech) as other:
        await page.set_up()
        await tell(other, await page.create_offer())
        await page.apply("answer", await hear(other))
        await hear(other)
        await page.until_hears()
        yield page.pid, [other.pid]


@contextlib.asynccontextmanager
async def baresip(speech: Path) -> AsyncIterator[tuple[int, list[int]]]:
    """A call between two baresips over SIP on loopback.

    The caller is measured; it sends back what it hears, because it has no driver that plays into a file.
    """
    ports, sources = (free_port(), free_port()), ("aubridge,loop", f"aufile,{speech}")
    with tempfile.TemporaryDirectory() as one_folder, tempfile.TemporaryDirectory() as other_folder:
        folders = Path(one_folder), Path(other_folder)
        for folder, port, source in zip(folders, ports, sources, strict=True):
            (folder / "config").write_text(BARESIP_CONFIG.format(port=port, source=source))
            (folder / "accounts").write_text(BARESIP_ACCOUNT.format(port=port))
            (folder / "contacts").touch()
        pipe = {"stdin": PIPE, "stdout": PIPE, "stderr": DEVNULL}
        async with process("baresip", "-f", str(folders[1]), **pipe) as other:
            await until_says(other, b"baresip is ready")
            dial = f"/dial sip:box@127.0.0.1:{ports[1]}"
            async with process("baresip", "-f", str(folders[0]), "-e", dial, **pipe) as one:
                await until_says(one, b"Call established")
                yield one.pid, [other.pid]


def free_port() -> int:
    """A port for SIP, with the next one free for SIP over TLS."""
    while True:
        with socket.socket() as first, socket.socket() as second, contextlib.suppress(OSError, OverflowError):
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            second.bind(("127.0.0.1", port + 1))
            return port


async def until_says(child: asyncio.subprocess.Process, text: bytes) -> None:
    """Wait for a line with `text`."""
    assert child.stdout is not None
    async with asyncio.timeout(15):
        while text not in (line := await child.stdout.readline()):
            if not line:
                raise RuntimeError(f"baresip ended before it said {text.decode()!r}")


async def quiet_window(subject: Subject, speech: Path, seconds: float) -> Cost:
    """One window of a subject, repeated while others disturb it; the least disturbed one counts."""
    best: Cost | None = None
    async with subject(speech) as (root, far_ends):
        await asyncio.sleep(SETTLE_S)
        for _ in range(TRIES):
            cost = await asyncio.to_thread(watch, root, seconds, far_ends)
            if best is None or cost.foreign_cpu < best.foreign_cpu:
                best = cost
            if best.foreign_cpu <= FOREIGN_LIMIT:
                break
    assert best is not None
    return best


def report(costs: dict[str, list[Cost]]) -> None:
    """The table, and one last line with the ratios."""
    print(f"{'':10} {'CPU %':>8} {'PSS MB':>8} {'foreign CPU %':>14}")
    middle: dict[str, tuple[float, float]] = {}
    for name, found in costs.items():
        cpu, pss = (statistics.median(getattr(c, field) for c in found) for field in ("cpu", "pss_mb"))
        middle[name] = cpu, pss
        print(f"{name:10} {cpu * 100:8.2f} {pss:8.1f} {max(c.foreign_cpu for c in found) * 100:14.1f}")
    parts = []
    for peer in [name for name in middle if name != "ours"]:
        cpu, memory = (middle["ours"][n] / middle[peer][n] for n in (0, 1))
        parts.append(f"CPU {cpu:.2f} x {peer} (must be <= {MUST[peer]}), PSS {memory:.2f} x {peer}")
    print("cpu: " + "; ".join(parts))


async def run(seconds: float, rounds: int) -> None:
    """Every subject in turn, several times over, so that a slow drift of the machine meets them all."""
    subjects: dict[str, Subject] = {"ours": ours}
    if shutil.which("chromium"):
        subjects["chromium"] = chromium
    if shutil.which("baresip"):
        subjects["baresip"] = baresip
    costs: dict[str, list[Cost]] = {name: [] for name in subjects}
    with tempfile.TemporaryDirectory() as folder:
        speech = Path(folder) / "speech.wav"
        write_speech(speech)
        for _ in range(rounds):
            for name, subject in subjects.items():
                costs[name].append(await quiet_window(subject, speech, seconds))
    report(costs)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    asyncio.run(run(args.seconds, args.rounds))


if __name__ == "__main__":
    main()
