"""Our own packets and descriptions beside those of aiortc that do the same job: cost, and what hostile input does.

    python -m bench.foundations [--inputs N]

Each figure is the best of seven rounds, in microseconds a piece. "Escapes" are kinds of exceptions that leave the
reader of a description or of a packet and are not the one that its callers handle (SdpError, ValueError).
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import timeit
from collections import Counter
from collections.abc import Callable

from aiortc.rtp import RtpPacket as StockPacket
from aiortc.sdp import SessionDescription

from agent.errors import SdpError
from agent.media.rtp.packet import parse_rtp, write_rtp
from agent.media.rtp.rtcp import ReceiveCounters, RtcpSession, SentCounters, read_reports
from agent.media.sdp.codecs import OUR_CODECS
from agent.media.sdp.description import IceParameters
from agent.media.sdp.parse import parse
from agent.media.sdp.write import LocalDescription

PAYLOAD = bytes(range(160))
ROUNDS, CALLS = 7, 2_000
LOADED = "{}\nfor line in open('/proc/self/smaps_rollup'):\n    if line.startswith('Pss:'): print(line.split()[1])"


def description() -> LocalDescription:
    """What this program offers."""
    ice = IceParameters("ufra", "p" * 22, ("1 1 udp 2130706431 192.0.2.1 40000 typ host",))
    fingerprint = ("sha-256", ":".join(["AB"] * 32))
    return LocalDescription(7, 1, ice, (fingerprint,), "actpass", OUR_CODECS, ssrc=99, cname="us")


def compound() -> bytes:
    """A sender report with one block and a source description."""
    sent, received = SentCounters(), ReceiveCounters(7, 48_000)
    sent.sent(960, 48_000, 80, 1.0)
    received.received(1, 960, 80, 1.0)
    return RtcpSession(99, "us").write(2.0, 1.8e9, sent, received)


def cost_us(work: Callable[[], object]) -> float:
    """Microseconds for one call, in the least disturbed round."""
    return min(timeit.repeat(work, number=CALLS, repeat=ROUNDS)) / CALLS * 1e6


def stock_write() -> bytes:
    """One RTP packet by aiortc's class."""
    packet = StockPacket(payload_type=111, marker=0, sequence_number=7, timestamp=960, ssrc=99, payload=PAYLOAD)
    return bytes(packet.serialize())


Reader = Callable[[bytes], object]


def escapes(read: Reader, seeds: list[bytes], inputs: int, expected: type[Exception]) -> Counter[str]:
    """What comes out of a reader that is given damaged pieces."""
    dice, found = random.Random(1), Counter[str]()
    for _ in range(inputs):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            cut = dice.choice((bytes([dice.randrange(256)]), b"", data[at : at + 8] * 2))
            data[at : at + dice.choice((1, 1, 4))] = cut
            if not data:
                data = bytearray(b"\0")
        try:
            read(bytes(data))
        except expected:
            continue
        except Exception as error:
            found[type(error).__name__] += 1
    return found


def import_cost(statement: str) -> tuple[float, float]:
    """Seconds and MB that an interpreter takes to import something, beyond one that imports nothing."""
    def run(code: str) -> tuple[float, float]:
        def once() -> float:
            return int(subprocess.run([sys.executable, "-c", LOADED.format(code)], capture_output=True, text=True,
                                      check=True).stdout) / 1024  # fmt: skip
        return min(timeit.repeat(once, number=1, repeat=5)), once()

    nothing, something = run("pass"), run(statement)
    return something[0] - nothing[0], something[1] - nothing[1]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000)
    inputs = parser.parse_args().inputs
    ours = description()
    text, rtp = ours.write(), stock_write()
    stock = SessionDescription.parse(text)
    print(f"{'us a piece':<28}{'ours':>8}{'aiortc':>9}{'ratio':>8}")
    for name, own, other in (
        ("read a description", lambda: parse(text), lambda: SessionDescription.parse(text)),
        ("write a description", ours.write, lambda: str(stock)),
        ("read an RTP packet", lambda: parse_rtp(rtp), lambda: StockPacket.parse(rtp)),
        ("write an RTP packet", lambda: write_rtp(111, False, 7, 960, 99, PAYLOAD), stock_write),
    ):
        a, b = cost_us(own), cost_us(other)
        print(f"{name:<28}{a:>8.2f}{b:>9.2f}{b / a:>7.1f}x")
    print(f"\n{'escapes of ' + str(inputs):<28}")
    for name, reads in (
        ("descriptions, ours", escapes(lambda data: parse(data.decode("latin-1")), [text.encode()], inputs, SdpError)),
        ("descriptions, aiortc", escapes(lambda data: SessionDescription.parse(data.decode("latin-1")),
                                         [text.encode()], inputs, ValueError)),
        ("RTP packets, ours", escapes(parse_rtp, [rtp], inputs, ValueError)),
        ("RTP packets, aiortc", escapes(StockPacket.parse, [rtp], inputs, ValueError)),
        ("RTCP packets (aiortc)", escapes(lambda data: list(read_reports(data)), [compound()], inputs, ValueError)),
    ):  # fmt: skip
        print(f"{name:<28}{dict(reads.most_common()) or 'none'}")
    for name, statement in (("DTLS without the codecs", "import agent.media.dtls.srtp_transport"),
                            ("the same and all of aiortc", "import agent.media.dtls.srtp_transport, aiortc")):
        seconds, mb = import_cost(statement)
        print(f"import {name:<30}{seconds:>6.2f} s{mb:>7.1f} MB")


if __name__ == "__main__":
    main()
