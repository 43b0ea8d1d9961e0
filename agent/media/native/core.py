"""Loads the native core, or says why it is not used; one `Core` for each pair of SRTP contexts.

A file is loaded only if its stamp says that it is whole, and was built from this version for this Python: a file that
is cut off would not fail to load, but end the process. Of libopus and libsrtp it has nothing but addresses of the
functions that the Python way calls too, so it fits whichever of them is installed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import stat
from functools import cache
from pathlib import Path
from struct import Struct
from types import ModuleType
from typing import Any, NamedTuple

from agent.log import MOST_WHY, excerpt
from agent.media.native.build import FOLDER, MODULE, NEEDED, STAMP, circumstances
from agent.media.native.elf import is_whole
from agent.media.rtp.packet import RtpPacket

log = logging.getLogger(__name__)

SWITCH = "KIOSK_AGENT_NATIVE"  # environment variable; "no" keeps the Python way
NOTHING, RTP, MALFORMED, REJECTED, OTHER = range(5)  # what `receive` found
FIELDS = Struct("=dIIiiiiiii")  # of `struct found`
MOST_HOST_BYTES = 64
MOST_STAMP_BYTES = 4_096
MOST_BYTES = 4_000_000  # of the core
BUILD = "python -m agent.media.native.build"
REMEDY = f"{NEEDED}, then set up or install again, or run `{BUILD}` with this program's Python"


class SrtpCalls(NamedTuple):
    """Addresses of libsrtp's functions and of the contexts of one association; `owners` keep these alive."""

    protect: int
    unprotect: int
    inbound: int
    outbound: int
    owners: tuple[object, ...]


class Verdict(NamedTuple):
    """The module, or why there is none."""

    module: Any
    why: str
    is_chosen: bool = False  # by whoever runs the program


@cache
def verdict() -> Verdict:
    """Load the core of this installation, once in a process."""
    return load(FOLDER)


def load(folder: Path) -> Verdict:
    """Load the core that was built into `folder`; what cannot be used is told in one line."""
    if os.environ.get(SWITCH) == "no":
        return Verdict(None, f"switched off by {SWITCH}", is_chosen=True)
    try:
        stamp = json.loads(content(folder / STAMP, MOST_STAMP_BYTES))
    except FileNotFoundError:
        return Verdict(None, "not built")
    except (OSError, ValueError, RecursionError) as error:
        return _refused(f"its stamp cannot be read: {error}")
    try:
        why = _misfit(folder, stamp)
        return _refused(why) if why else Verdict(_tried(_load(folder / str(stamp["file"]))), "")
    except Exception as error:  # whatever a foreign file may raise, calls work without it
        return _refused(str(error) or repr(error))


def _refused(why: str) -> Verdict:
    why = excerpt(why, MOST_WHY)
    log.warning("the native core is not used, so a call costs more CPU: %s; `%s` builds it anew", why, BUILD)
    return Verdict(None, why)


def _misfit(folder: Path, stamp: Any) -> str:
    """Why a file with this stamp must not be loaded; empty if it may."""
    if not isinstance(stamp, dict) or Path(str(stamp.get("file"))).name != stamp.get("file"):
        return "its stamp is damaged"
    for name, now in circumstances().items():
        if stamp.get(name) != now:
            return f"it was built for another {name}"
    data = content(folder / stamp["file"])
    if hashlib.sha256(data).hexdigest() != stamp.get("sha256"):
        return "its file is damaged"
    return "" if is_whole(data) else "its file is cut off, as its stamp is too"


def content(file: Path, most: int = MOST_BYTES) -> bytes:
    """Read a plain file; OSError for what is none, such as a pipe that nobody writes to, or is too long."""
    with open(file, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as opened:
        found = os.fstat(opened.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            raise OSError(f"{file.name} is no file of at most {most} bytes")
        return opened.read(most)


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(MODULE, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file.name} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _tried(module: Any) -> Any:
    """Call it once: 20 ms of Opus, which carries no copy."""
    if module.lib.core_describe(b"\x78\x00\x00", 3) != 2 * 960:
        raise ImportError("it does not count what it should")
    return module


def in_use() -> bool:
    """Tell whether calls take the native way."""
    return verdict().module is not None


def core_for(srtp: SrtpCalls) -> Core | None:
    """Make the core of an association; None where the Python way is taken."""
    module = verdict().module
    return Core(module, srtp) if module is not None else None


def described() -> str:
    """Say which way packets take, for whoever looks after a box."""
    found = verdict()
    return "native" if found.module is not None else f"Python (native core: {found.why})"


class Core:
    """The native way for one pair of SRTP contexts; asyncio only. New keys need a new one."""

    def __init__(self, module: Any, srtp: SrtpCalls) -> None:
        ffi, self._lib = module.ffi, module.lib
        self._srtp = srtp
        made = self._lib.core_new(srtp.protect, srtp.unprotect)
        if made == ffi.NULL:
            raise MemoryError("no memory for a call's packets")
        self._core = ffi.gc(made, self._lib.free)
        self._ffi = ffi
        self._found = ffi.buffer(self._lib.core_found(made), FIELDS.size)
        self._in = ffi.buffer(self._lib.core_in(made), 2_049)
        self._fields: tuple[Any, ...] = ()
        self.address: tuple[str, int] = "", 0  #: where the latest datagram came from
        self.arrival_s = 0.0  #: when the kernel took it, where the socket tells; on the monotonic clock
        self._inbound, self._outbound = srtp.inbound, srtp.outbound
        self._receive = self._lib.core_receive
        self._fd = -1

    # what arrives

    def receive(self, fd: int) -> int:
        """Take the next datagram that waits at a socket: NOTHING, RTP, MALFORMED, REJECTED or OTHER.

        RTP is a packet that is authentic; MALFORMED is one too, but cannot be read.
        """
        found: int = self._receive(self._core, self._inbound, fd)
        if found:
            self._fields = fields = FIELDS.unpack(self._found)
            self.arrival_s = fields[0]
            if not fields[-1]:
                self.address = self._source()
        return found

    @property
    def packet(self) -> RtpPacket:
        """The latest packet, of which `receive` said RTP."""
        _, timestamp, ssrc, _, payload_type, marker, sequence, start, end, _ = self._fields
        return RtpPacket(payload_type, bool(marker), sequence, timestamp, ssrc, self._in[start:end])

    @property
    def datagram(self) -> bytes:
        """The latest datagram as it came, of which `receive` said OTHER."""
        data: bytes = self._in[: self._fields[3]]
        return data

    def _source(self) -> tuple[str, int]:
        host = self._ffi.new("char[]", MOST_HOST_BYTES)
        port = self._lib.core_source(self._core, host, MOST_HOST_BYTES)
        return self._ffi.string(host).decode(), max(0, port)

    # what leaves

    def aim(self, fd: int, host: str, port: int) -> bool:
        """Send from that descriptor to this address from now on; False for one that only Python can handle."""
        self._fd = fd
        done: int = self._lib.core_aim(self._core, ":" in host, host.encode(), port)
        return not done

    def encode(self, encode: int, encoder: int, pcm: bytes) -> int:
        """Encode a frame, by the addresses of function and encoder, and keep the payload; its length, or an error."""
        length: int = self._lib.core_encode(self._core, encode, encoder, pcm, len(pcm) // 2)
        return length

    def transmit(self, second_byte: int, sequence: int, timestamp: int, ssrc: int) -> int:
        """Encrypt the kept payload and send it; 0, minus libsrtp's status, or the errno of a dead path."""
        status: int = self._lib.core_transmit(
            self._core, self._outbound, self._fd, second_byte, sequence, timestamp, ssrc
        )
        return status
