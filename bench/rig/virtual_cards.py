"""Virtual sound cards for tests: a private PulseAudio, reached through ALSA as a real card would be.

Each phone gets a speaker `vspk_NAME` and a microphone `vmic_NAME`; what is played into the sink `mic_NAME` is what that
microphone hears. `vwire_NAME` hears the speaker as by a wire. The server is started once a process and ended by its
process id. Needs the packages pulseaudio, pulseaudio-utils and libasound2-plugins.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from bench.rig.orphans import die_with_parent

PHONES = ("a", "b")
PULSE_THREAD = "threaded-ml"

NULL_SINK = ("module-null-sink", "norewinds=1", "format=s16le", "rate=48000", "channels=1", "channel_map=mono")


def _like_hardware() -> None:
    """A real card is not held up by other programs (where the user may arrange that), nor does it outlive this one."""
    die_with_parent()
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))


def hurry_streams() -> None:
    """Let the threads by which libpulse serves this process' open streams be held up by nobody, as a real card."""
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(PermissionError, FileNotFoundError, ProcessLookupError):
            if (thread / "comm").read_text().strip() == PULSE_THREAD:
                os.sched_setscheduler(int(thread.name), os.SCHED_FIFO, os.sched_param(4))


class VirtualCards:
    """One sound server and its cards, which programs with its `environment` find."""

    def __init__(self, directory: Path, phones: tuple[str, ...] = PHONES) -> None:
        self.directory = directory
        self.phones = phones
        self.socket = directory / "native"
        self._server: subprocess.Popen[bytes] | None = None
        for name in ("home", "runtime", "state"):
            (directory / name).mkdir(mode=0o700, exist_ok=True)
        self._write_configuration()

    def _write_configuration(self) -> None:
        script = [".fail", f"load-module module-native-protocol-unix auth-anonymous=1 socket={self.socket}"]
        pcms = ["</usr/share/alsa/alsa.conf>"]
        for phone in self.phones:
            script += ["load-module " + " ".join(module) for module in self._modules(phone)]
            devices = (f"spk_{phone}", "speaker"), (f"micsrc_{phone}", "microphone"), (f"spk_{phone}.monitor", "wire")
            for pcm, (device, what) in zip(("vspk", "vmic", "vwire"), devices, strict=True):
                # A PCM must not be called "pulse": Debian's own configuration merges into that name.
                pcms.append(
                    f'pcm.{pcm}_{phone} {{ type pulse server "unix:{self.socket}" device {device} '
                    f'hint {{ show on description "{what} {phone}" }} }}'
                )
            pcms.append(f'ctl.vspk_{phone} {{ type pulse server "unix:{self.socket}" device spk_{phone} }}')
        (self.directory / "cards.pa").write_text("\n".join(script) + "\n")
        (self.directory / "asound.conf").write_text("\n".join(pcms) + "\n")

    @staticmethod
    def _modules(phone: str) -> list[tuple[str, ...]]:
        mono = ("channels=1", "channel_map=mono", "master_channel_map=mono", "remix=no")
        return [
            (*NULL_SINK, f"sink_name=spk_{phone}"),
            (*NULL_SINK, f"sink_name=mic_{phone}"),
            ("module-remap-source", f"source_name=micsrc_{phone}", f"master=mic_{phone}.monitor", *mono),
        ]

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find the cards."""
        return {"PULSE_SERVER": f"unix:{self.socket}", "ALSA_CONFIG_PATH": str(self.directory / "asound.conf")}

    @property
    def _environ(self) -> dict[str, str]:
        return os.environ | self.environment

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._server is not None, "the sound server is not running"
        return self._server.pid

    def start(self) -> None:
        """Start the server, and wait until it answers; idempotent."""
        if self._server is not None and self._server.poll() is None:
            return
        self.socket.unlink(missing_ok=True)
        own = {"HOME": "home", "PULSE_RUNTIME_PATH": "runtime", "PULSE_STATE_PATH": "state", "XDG_RUNTIME_DIR": "."}
        options = "--daemonize=no --exit-idle-time=-1 --use-pid-file=no --disable-shm=yes --realtime=no"
        self._server = subprocess.Popen(
            ["pulseaudio", "-n", "-F", str(self.directory / "cards.pa"), *options.split(),
             f"--log-target=file:{self.directory / 'pulse.log'}"],
            env=self._environ | {key: str(self.directory / value) for key, value in own.items()},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=_like_hardware,
        )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        for _ in range(100):
            answer = subprocess.run(["pactl", "info"], capture_output=True, check=False, env=self._environ)
            if answer.returncode == 0:
                return
            time.sleep(0.1)
        raise AssertionError(f"pulseaudio did not start: see {self.directory / 'pulse.log'}")

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def wedge(self) -> None:
        """Stop the server without ending it: it no longer answers anything."""
        os.kill(self.pid, signal.SIGSTOP)

    def unwedge(self) -> None:
        """Let a stopped server go on."""
        os.kill(self.pid, signal.SIGCONT)

    def pactl(self, *arguments: str) -> str:
        """Run one pactl command; its output."""
        done = subprocess.run(["pactl", *arguments], capture_output=True, text=True, check=True, timeout=20,
                              env=self._environ)
        return done.stdout.strip()

    def unplug(self) -> None:
        """Take every speaker and microphone away: were one left, the server would move the streams there."""
        for line in reversed(self.pactl("list", "short", "modules").splitlines()):
            number, name, _ = line.split("\t")[:3]
            if name in ("module-null-sink", "module-remap-source"):
                self.pactl("unload-module", number)

    def plug(self) -> None:
        """Bring the speakers and microphones back."""
        for phone in self.phones:
            for module in self._modules(phone):
                self.pactl("load-module", *module)

    def echo_path(self, phone: str, delay_ms: int = 60) -> str:
        """Let the microphone hear the speaker; returns what `pactl unload-module` ends it with."""
        return self.pactl("load-module", "module-loopback", f"source=spk_{phone}.monitor", f"sink=mic_{phone}",
                          f"latency_msec={delay_ms}", "adjust_time=0")

    def say(self, phone: str, wav: Path) -> subprocess.Popen[bytes]:
        """Play a file into a microphone; the process that does it."""
        return subprocess.Popen(["paplay", "-d", f"mic_{phone}", str(wav)], env=self._environ)

    def close(self) -> None:
        """End the server and remove its files."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


_lock = threading.Lock()
_shared: VirtualCards | None = None


def available() -> bool:
    """Tell whether PulseAudio is installed."""
    return shutil.which("pulseaudio") is not None and shutil.which("pactl") is not None


def shared_cards() -> VirtualCards:
    """The cards of this process, with the server running; its environment points to them from then on.

    Skips the test where PulseAudio is not installed. libasound reads its configuration once, so one process has one set
    of cards.
    """
    global _shared
    if not available():
        pytest.skip("needs pulseaudio and pulseaudio-utils")
    with _lock:
        if _shared is None:
            _shared = VirtualCards(Path(tempfile.mkdtemp(prefix="virtual-cards-")))
            atexit.register(_shared.close)
        os.environ.update(_shared.environment)
        _shared.start()
        return _shared
