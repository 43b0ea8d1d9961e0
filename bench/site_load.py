"""What a site's edge and media engine spend on a registration, a call and a stream, and a switchboard on a leg.

    python -m bench.site_load [--boxes 300] [--calls 500] [--streams 40] [--members 100] [--legs 4]

Measured is processor time, not time: a machine that is busy otherwise changes it little, and 1 s divided by it is what
a core carries. Memory is PSS. Registrations come over WSS with challenge, as boxes do, and stay; calls are SIPp's, from
the trunk to a phone and hung up at once, with offer, answer and delete at the engine; streams are packets of G.711 each
20 ms, plain and to SRTP, through an engine in user space. Legs are calls of real boxes to the switchboard's echo, with
sound. Needs root and the packages of `scripts/setup.sh test`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import ssl
import struct
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import gevent
from gevent import socket
from websockets.asyncio.client import ClientConnection, connect

from agent.media.bridge import Bridge
from bench.many_calls import Caller
from bench.measure import cpu_s, pss_mb, tree
from bench.rig import sip_site, sip_trunk
from bench.rig.board import Board
from bench.rig.registrants import SECRET, boxes, credentials, leave, refresh, register
from bench.rig.sip_network import EDGES, ENGINES, PHONES
from bench.rig.sip_site import SipSite
from bench.rig.sip_trunk import Trunk

STREAM_S = 10.0
SO_RCVBUFFORCE = 33  # asm-generic/socket.h
PACKET_S = 0.02
LEG_S = 10.0
IDLE_S = 20.0
SDES = "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n"


def measure_registrations(site: SipSite, bridge: Bridge, count: int) -> None:
    """Print what registering boxes over WSS costs the edge."""
    for number in range(count):
        site.enter_user(f"b{number}", SECRET)
    context = ssl.create_default_context(cafile=str(site.ca_file))
    failed: list[int] = []
    links = bridge.run(boxes(range(20), site.uri(), context, failed))
    cpu, memory = _cpu_s(site.pid("edge1")), _memory_kb(site.pid("edge1"))
    links += bridge.run(boxes(range(20, count), site.uri(), context, failed))
    done = count - 20
    spent, more = _cpu_s(site.pid("edge1")) - cpu, _memory_kb(site.pid("edge1")) - memory
    print(f"edge: first registration over WSS {spent / done * 1000:.2f} ms of a core, {more / done:.0f} kB "
          f"({done} boxes; {len(failed)} handshakes failed)")  # fmt: skip
    cpu = _cpu_s(site.pid("edge1"))
    bridge.run(refresh(links), timeout_s=120)
    spent = _cpu_s(site.pid("edge1")) - cpu
    print(f"edge: refreshed registration {spent / count * 1000:.2f} ms of a core; {memory / 1024:.0f} MB with 20 boxes")
    bridge.run(leave(links))


def measure_calls(site: SipSite, count: int) -> None:
    """Print what a call without sound costs the edge and the engines."""
    address = PHONES[0]
    with site.inside("net"):
        _enter_phone(site, address)
    taken = site.folder / "taken.xml"
    taken.write_text(sip_trunk.takes().replace(sip_trunk.CONTACT, "Contact: <sip:b0@[local_ip]:[local_port]>"))
    words = ("sipp", "-sf", str(taken), "-i", address, "-p", "5060", "-mi", address, "-nostdin")
    answering = site.spawn("net", *words, log=site.folder / "taken.log", cwd=site.folder)
    try:
        site.until("SIPp", lambda: site.listens("net", 5060, address, "u"))
        parts = ("edge1", "engine1", "engine2")
        before = {name: _cpu_s(site.pid(name)) for name in parts}
        with Trunk(site, sip_trunk.calls("b0", talk_ms=0), count, "-r", "25", "-l", "50") as trunk:
            trunk.until_done(limit_s=300)
        spent = {name: _cpu_s(site.pid(name)) - before[name] for name in parts}
        engines = spent["engine1"] + spent["engine2"]
        print(f"edge: call {spent['edge1'] / count * 1000:.2f} ms of a core; engine: set-up and end of a call "
              f"{engines / count * 1000:.2f} ms ({count} calls)")  # fmt: skip
    finally:
        answering.kill()
        answering.wait()


def measure_streams(site: SipSite, count: int, secured: bool) -> None:
    """Print what a stream of 50 packets a second costs the engine."""
    with ExitStack() as stack:
        ends = [(stack.enter_context(_plug()), stack.enter_context(_plug())) for _ in range(count)]
        streams = [(near, _let_through(number, near, far, secured)) for number, (near, far) in enumerate(ends)]
        pid = site.pid("engine1")
        cpu = _cpu_s(pid)
        sent = _send(streams)
        a_stream = (_cpu_s(pid) - cpu) / sent * 50
        how, came = "to SRTP" if secured else "plain", sum(_waiting(far) for _, far in ends)
        print(f"engine: a stream of 50 packets a second, {how}: {a_stream * 100:.2f} % of a core ({sent} packets, "
              f"{came / sent * 100:.0f} % of which came)")  # fmt: skip


def _plug() -> socket.socket:
    plug = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    plug.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4_000_000)
    plug.bind(("10.77.1.2", 0))
    return plug


def _let_through(number: int, near: socket.socket, far: socket.socket, secured: bool) -> int:
    """Have the engine pass on a stream from one socket to the other; returns its port."""
    kind = "RTP/SAVP" if secured else "RTP/AVP"
    _control("offer", number, near.getsockname()[1], "RTP/AVP", **{"transport-protocol": kind})
    answer = _control("answer", number, far.getsockname()[1], kind, **{"transport-protocol": "RTP/AVP"})
    found = re.search(r"m=audio (\d+)", answer)
    assert found, answer
    return int(found[1])


def _send(streams: Sequence[tuple[socket.socket, int]]) -> int:
    """Send on every stream for a while, at its pace; returns how many packets."""
    begun, sent = time.monotonic(), 0
    for beat in itertools.count():
        for number, (near, port) in enumerate(streams):
            head = struct.pack("!BBHII", 0x80, 0, beat & 0xFFFF, beat * 160, number)
            near.sendto(head + bytes(160), (ENGINES[1], port))
            sent += 1
        if time.monotonic() - begun > STREAM_S:
            break
        gevent.sleep(max(0.0, begun + (beat + 1) * PACKET_S - time.monotonic()))
    return sent


async def members(board: Board, count: int) -> list[ClientConnection]:
    """Register so many at a switchboard, one after the other."""
    context, links = ssl.create_default_context(cafile=str(board.ca_file)), []
    for number in range(count):
        link = await connect(f"wss://{board.address}/signal", ssl=context, ping_interval=None, compression=None)
        said = {"listen": {"token": board.token(f"m{number}")}, "register": {"media": {"audio": True}}}
        for kind, payload in said.items():
            await link.send(json.dumps({"type": kind, "version": "1.5", "payload": payload}))
        while json.loads(str(await link.recv()))["type"] != "ready":
            pass
        links.append(link)
    return links


def measure_members(board: Board, bridge: Bridge, count: int) -> None:
    """Print what a registered box costs the switchboard while nothing happens."""
    cpu, memory = _cpu_s(board.pid), _memory_kb(board.pid)
    links = bridge.run(members(board, count), timeout_s=200)
    spent, more = _cpu_s(board.pid) - cpu, _memory_kb(board.pid) - memory
    cpu = _cpu_s(board.pid)
    gevent.sleep(IDLE_S)
    idle = (_cpu_s(board.pid) - cpu) / IDLE_S
    print(f"switchboard: registration {spent / count * 1000:.1f} ms of a core, {more / count:.0f} kB; "
          f"{memory / 1024:.0f} MB with nobody, {idle * 100:.1f} % of a core with {count} idle boxes")  # fmt: skip
    bridge.run(leave(links), timeout_s=60)


def measure_switchboard(folder: Path, legs: int, boxes: int) -> None:
    """Print what members and legs cost the switchboard."""
    with closing(Board(folder / "switchboard")) as board, Bridge() as bridge:
        board.start()
        measure_members(board, bridge, boxes)
        callers = [Caller(board.address, board.ca_file, board.token(f"box-{n}")) for n in range(legs)]
        before = _memory_kb(board.pid)
        for caller in callers:
            caller.call(0.1)
        cpu, memory = _cpu_s(board.pid), _memory_kb(board.pid)
        tasks = [gevent.spawn(caller.call, LEG_S) for caller in callers]
        gevent.joinall(tasks, raise_error=True)
        spent = _cpu_s(board.pid) - cpu
        leg = spent / legs / LEG_S * 100
        print(f"switchboard: a leg {leg:.1f} % of a core, with set-up and echo ({legs} calls of {LEG_S:.0f} s); "
              f"{before / 1024:.0f} MB with {legs} boxes, {memory / 1024:.0f} MB after calls")  # fmt: skip
        for caller in callers:
            caller.close()


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boxes", type=int, default=300)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--streams", type=int, default=40)
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument("--legs", type=int, default=4)
    options = parser.parse_args()
    if lacking := sip_site.missing():
        print(f"needs {lacking}: scripts/setup.sh test")
        return 1
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-site-")))
        site = stack.enter_context(SipSite(folder / "site"))
        with site.inside("client"), Bridge() as bridge:
            measure_registrations(site, bridge, options.boxes)
            measure_calls(site, options.calls)
            for secured in (False, True):
                measure_streams(site, options.streams, secured)
        measure_switchboard(folder, options.legs, options.members)
    return 0


def _cpu_s(pid: int) -> float:
    return cpu_s(tree(pid))


def _memory_kb(pid: int) -> float:
    return pss_mb(tree(pid)) * 1024


def _enter_phone(site: SipSite, address: str) -> None:
    """Register box 0 from the port at which SIPp will answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        plug.settimeout(5)
        plug.bind((address, 5060))
        answer = ""
        for line in ("11", "12"):
            more = credentials(0, answer) if answer else ""
            plug.sendto(register(0, line, more, "UDP").encode(), (EDGES[1], 5060))
            answer = plug.recv(65536).decode()
    assert answer.startswith("SIP/2.0 200"), answer


def _control(command: str, number: int, port: int, kind: str, **more: str) -> str:
    """Tell the first engine something about a call; its answer (the control protocol in bencoding)."""
    keys = SDES if kind.endswith("SAVP") else ""
    sdp = (f"v=0\r\no=- 1 1 IN IP4 10.77.1.2\r\ns=-\r\nc=IN IP4 10.77.1.2\r\nt=0 0\r\nm=audio {port} {kind} 0\r\n"
           f"a=rtpmap:0 PCMU/8000\r\n{keys}")  # fmt: skip
    secured = "SAVP" in kind + more["transport-protocol"]
    asked = {"call-id": f"load-{secured}-{number}", "command": command, "sdp": sdp, "from-tag": "a",
             **({"to-tag": "b"} if command == "answer" else {}), **more}  # fmt: skip
    text = "".join(f"{len(each)}:{each}" for pair in sorted(asked.items()) for each in pair)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        plug.settimeout(5)
        plug.sendto(f"{asked['call-id']}{command} d{text}e".encode(), (ENGINES[1], 2223))
        return plug.recv(65536).decode()


def _waiting(plug: socket.socket) -> int:
    """Count what has come, as far as the kernel has kept it."""
    plug.setblocking(False)
    count = 0
    while True:
        try:
            plug.recv(4096)
        except BlockingIOError:
            return count
        count += 1


if __name__ == "__main__":
    sys.exit(main())
