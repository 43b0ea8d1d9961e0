"""The stage of the peer benchmarks: virtual sound cards for each end, a network between the ends, processes on both.

Every end has a PulseAudio of its own, so that every program agrees on what the default card is: its talker speaks into
the sink `mic`, and the monitor of the sink `ear` hears what its speaker plays. libasound knows them as vmic and vspk.
Needs root, iproute2, nftables, pulseaudio, pulseaudio-utils and libasound2-plugins.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SERVER = "pulseaudio -n --daemonize=no --exit-idle-time=-1 --use-pid-file=no --disable-shm=yes --realtime=no"
NULL_SINK = "module-null-sink format=s16le rate=48000 channels=1 channel_map=mono"
CARDS = f"""
.fail
load-module module-native-protocol-unix auth-anonymous=1 socket={{socket}}
load-module {NULL_SINK} sink_name=ear
load-module {NULL_SINK} sink_name=mic
load-module module-remap-source source_name=voice master=mic.monitor channels=1 channel_map=mono
set-default-sink ear
set-default-source voice
"""
PCMS = """
</usr/share/alsa/alsa.conf>
pcm.vspk {{ type pulse server "unix:{socket}" device ear hint {{ show on description "speaker" }} }}
pcm.vmic {{ type pulse server "unix:{socket}" device voice hint {{ show on description "microphone" }} }}
"""
START_LIMIT_S = 10.0


@dataclass(frozen=True)
class End:
    """Where one phone of a call lives: an address, a namespace, a folder for its files, and its sound cards."""

    name: str
    address: str
    namespace: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, *words: str) -> tuple[str, ...]:
        """The command that runs `words` in the namespace."""
        return ("ip", "netns", "exec", self.namespace, *words)

    def start(self, *words: str, **options: object) -> subprocess.Popen[bytes]:
        """Start a program at this end; its process id is that of the program itself."""
        environment = os.environ | self.environment
        return subprocess.Popen(self.command(*words), env=environment, **options)  # type: ignore[call-overload,no-any-return]


@contextlib.contextmanager
def ending(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """End a process with the block, by its id."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def stage() -> Iterator[tuple[End, End]]:
    """Two ends with cards of their own and a cable between them."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        names = tuple(f"bench-{side}-{os.getpid()}" for side in "ab")
        stack.callback(_remove, names)
        _wire(names)
        ends = []
        for number, (side, namespace) in enumerate(zip("ab", names, strict=True), 1):
            (folder / side).mkdir()
            environment = stack.enter_context(_cards(folder / side))
            ends.append(End(side, f"10.73.0.{number}", namespace, folder / side, environment))
        yield ends[0], ends[1]


@contextlib.contextmanager
def _cards(folder: Path) -> Iterator[dict[str, str]]:
    socket = folder / "native"
    (folder / "cards.pa").write_text(CARDS.format(socket=socket))
    (folder / "asound.conf").write_text(PCMS.format(socket=socket))
    own = dict.fromkeys(("HOME", "PULSE_RUNTIME_PATH", "PULSE_STATE_PATH", "XDG_RUNTIME_DIR"), str(folder))
    command = [*SERVER.split(), "-F", str(folder / "cards.pa"), f"--log-target=file:{folder / 'pulse.log'}"]
    with ending(subprocess.Popen(command, env=os.environ | own, stderr=subprocess.DEVNULL)):
        environment = {"PULSE_SERVER": f"unix:{socket}", "ALSA_CONFIG_PATH": str(folder / "asound.conf")}
        _until("Server Version", "pactl", "info", environment=environment)
        yield environment


def _until(text: str, *command: str, environment: dict[str, str] | None = None) -> None:
    """Repeat a command until its output has `text`."""
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        where = os.environ | (environment or {})
        done = subprocess.run(command, env=where, capture_output=True, text=True, check=False)
        if text in done.stdout:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"{' '.join(command)} never said {text!r}: {done.stdout}{done.stderr}")
        time.sleep(0.1)


def _wire(names: tuple[str, ...]) -> None:
    for name in names:
        _ip("netns", "add", name)
        _ip("-n", name, "link", "set", "lo", "up")
    _ip("-n", names[0], "link", "add", "net", "type", "veth", "peer", "name", "net", "netns", names[1])
    for number, name in enumerate(names, 1):
        _ip("-n", name, "address", "add", f"10.73.0.{number}/24", "dev", "net")
        _ip("-n", name, "link", "set", "net", "up")
        _ip("-n", name, "route", "add", "default", "via", f"10.73.0.{3 - number}")
    for name in names:
        _until("state UP", "ip", "-n", name, "link", "show", "net")  # the kernel takes up to a second


def _remove(names: tuple[str, ...]) -> None:
    for name in names:
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


LOSS = """
table inet loss {{
  chain arriving {{
    type filter hook input priority 0
    iifname "net" meta l4proto udp numgen random mod 1000 < {permille} drop
  }}
}}
"""


def lose(end: End, share: float) -> None:
    """Drop that share of the UDP packets which arrive at an end, at random; 0 ends it."""
    rules = "table inet loss\ndelete table inet loss\n" + (LOSS.format(permille=round(share * 1000)) if share else "")
    done = subprocess.run(end.command("nft", "-f", "-"), input=rules, text=True, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"nftables cannot drop packets: {done.stderr}")
