"""The phones whose cost is compared: this program by either way and with cards, Chromium, baresip; speech for all."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import wave
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np

from agent.media.native.core import SWITCH
from bench.baresip_home import make_home
from bench.processes import endpoint, free_port, hear, process, tell, until_says
from bench.speech import pieces
from hw.sound.frame import RATE_HZ

NATIVE, PYTHON = {SWITCH: "yes"}, {SWITCH: "no"}

Subject = Callable[[Path], contextlib.AbstractAsyncContextManager[tuple[int, list[int]]]]


def write_speech(path: Path) -> None:
    """About half a minute of speech by four voices."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(np.concatenate(pieces()).tobytes())


async def introduce(one: Process, other: Process) -> None:
    """Let one end offer and the other answer; returns once the call is connected."""
    await tell(other, await hear(one))
    await tell(one, await hear(other))
    await hear(one)


@contextlib.asynccontextmanager
async def ours(speech: Path, *options: str) -> AsyncIterator[tuple[int, list[int]]]:
    """A call between two of our ends, both with `options`; the first is measured."""
    async with endpoint("offer", speech, *options) as one, endpoint("answer", speech, *options) as other:
        await introduce(one, other)
        yield one.pid, [other.pid]


@contextlib.asynccontextmanager
async def both_ways(speech: Path, swapped: bool) -> AsyncIterator[tuple[int, int]]:
    """A call between the native and the Python way of this program; the process ids in this order."""
    ways = (PYTHON, NATIVE) if swapped else (NATIVE, PYTHON)
    async with endpoint("offer", speech, environment=ways[0]) as one, endpoint(
        "answer", speech, environment=ways[1]
    ) as other:
        await introduce(one, other)
        yield (other.pid, one.pid) if swapped else (one.pid, other.pid)


@contextlib.asynccontextmanager
async def versions(folder: Path, speech: Path, swapped: bool) -> AsyncIterator[tuple[int, int]]:
    """A call between this checkout and the one in `folder`, each as it works by itself."""
    folders = (folder, None) if swapped else (None, folder)
    async with endpoint("offer", speech, folder=folders[0]) as one, endpoint(
        "answer", speech, folder=folders[1]
    ) as other:
        await introduce(one, other)
        yield (other.pid, one.pid) if swapped else (one.pid, other.pid)


@contextlib.asynccontextmanager
async def cards(speech: Path, swapped: bool) -> AsyncIterator[tuple[int, int]]:
    """The same call over virtual cards, speech in both microphones, echo canceller and noise suppression on."""
    from bench.rig.virtual_cards import shared_cards

    rig = shared_cards()
    talkers = [rig.say(phone, speech) for phone in rig.phones]
    ways = (PYTHON, NATIVE) if swapped else (NATIVE, PYTHON)
    try:
        async with endpoint("offer", "vmic_a", "vspk_a", "--cards", environment=ways[0]) as one, endpoint(
            "answer", "vmic_b", "vspk_b", "--cards", environment=ways[1]
        ) as other:
            await introduce(one, other)
            yield (other.pid, one.pid) if swapped else (one.pid, other.pid)
    finally:
        for talker in talkers:
            talker.terminate()
            talker.wait()


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
    hosts, sources = [f"127.0.0.1:{free_port()}" for _ in range(2)], ("aubridge,loop", f"aufile,{speech}")
    with tempfile.TemporaryDirectory() as one_folder, tempfile.TemporaryDirectory() as other_folder:
        folders = Path(one_folder), Path(other_folder)
        for folder, host, source in zip(folders, hosts, sources, strict=True):
            make_home(folder, host, source=source, player="aubridge,loop", alert="aubridge,alert",
                      modules=("aufile", "aubridge"))  # fmt: skip
        pipe = {"stdin": PIPE, "stdout": PIPE, "stderr": DEVNULL}
        async with process("baresip", "-f", str(folders[1]), **pipe) as other:
            await until_says(other, b"baresip is ready")
            dial = f"/dial sip:box@{hosts[1]}"
            async with process("baresip", "-f", str(folders[0]), "-e", dial, **pipe) as one:
                await until_says(one, b"Call established")
                yield one.pid, [other.pid]


def peers() -> dict[str, Subject]:
    """List the programs that are installed here."""
    found: dict[str, Subject] = {}
    if shutil.which("chromium"):
        found["chromium"] = chromium
    if shutil.which("baresip"):
        found["baresip"] = baresip
    return found
