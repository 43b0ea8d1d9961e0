"""Mutated SIP messages: what is read of them, what is refused, and that nothing else comes of any.

    python -m bench.sip_fuzz [--messages 100000] [--seed 1] [--box]

Each message is one of a few good ones, broken in up to six places. Of whatever is read every part is used, as a phone
would: it is written again, a response to it is written, a request to its Contact too, and challenges are answered. With
`--box` a user agent gets them, in the middle of its calls, with broken answers to what it asks, and broken requests
within those calls. Any error but the named one counts as a fault, and ends the run with 1.
"""

from __future__ import annotations

import argparse
import gc
import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from agent.errors import CredentialsError, ProtocolError
from agent.signaling.sip.digest import DigestClient
from agent.signaling.sip.header_values import NameAddr, read_addresses, read_seconds
from agent.signaling.sip.headers import SipHeaders
from agent.signaling.sip.message import SipRequest, SipResponse, parse_message, write_message
from bench.rig.box_on_paper import BoxOnPaper
from bench.rig.broken_sip import Frame, Tally, mutated


def try_out(frames: Iterator[Frame], digest: DigestClient | None = None) -> Tally:
    """Read each of them, and use what was read."""
    tally, digest = Tally(), digest or DigestClient("kiosk", lambda: "secret")
    for frame in frames:
        began = time.process_time()
        try:
            use(parse_message(frame), digest)
            tally.read += 1
        except ProtocolError:
            tally.refused += 1
        except Exception as exc:
            tally.faults.append(f"{exc!r} by {frame!r}")
        tally.slowest_s = max(tally.slowest_s, time.process_time() - began)
    return tally


def use(message: SipRequest | SipResponse, digest: DigestClient) -> None:
    """Do what a phone does with a message; raises what it must not raise for one that was read."""
    again = parse_message(write_message(message))
    assert (again.call_id, again.cseq, again.from_, again.to) == (
        message.call_id, message.cseq, message.from_, message.to,
    )  # fmt: skip
    message.headers.options("Require")
    read_seconds(message.headers.first("Retry-After"))
    for contact in message.contacts:
        routes = read_addresses(message.headers.all("Record-Route"))
        lines = (*(("Route", str(route)) for route in routes), ("From", str(NameAddr(contact.uri).tagged("1"))))
        write_message(SipRequest("BYE", contact.uri, SipHeaders(lines)))
    if isinstance(message, SipRequest):
        echoed = message.headers.only("Via", "From", "Call-ID", "CSeq").added("To", str(message.to.tagged("1")))
        parse_message(write_message(SipResponse(200, "OK", echoed)))
    elif message.status in (401, 407):
        request = SipRequest("INVITE", "sip:a@b")
        try:
            write_message(SipRequest("INVITE", "sip:a@b", digest.answer(request, message)))
        except CredentialsError:
            write_message(SipRequest("INVITE", "sip:a@b", digest.anticipate(request)))


def main(arguments: list[str] | None = None) -> int:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(prog="bench.sip_fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--box", action="store_true")
    given = parser.parse_args(arguments)
    chance, digest = random.Random(given.seed), DigestClient("kiosk", lambda: "secret")
    box = BoxOnPaper(chance)

    def run(count: int) -> Tally:
        return box.hear_many(count) if given.box else try_out(mutated(chance, count), digest)

    run(2_000)  # what is kept once is no growth
    gc.collect()
    before_mb, began, cpu = _resident_mb(), time.perf_counter(), time.process_time()
    tally = run(given.messages)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    gc.collect()
    after_mb, peak_mb = _resident_mb(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    read = f"{tally.read} read, {tally.refused} refused"
    if given.box:
        counts = ", ".join(f"{count} x {event}" for event, count in sorted(box.told.items()))
        read = f"a box that told {counts}, and has {len(box.agent.calls)} calls left"
    print(f"{given.messages} mutated messages in {took:.0f} s ({cpu:.0f} s CPU): {read},"
          f" {len(tally.faults)} other errors")  # fmt: skip
    print(f"resident {before_mb:.1f} MiB before, {after_mb:.1f} MiB after, at most {peak_mb:.1f} MiB;"
          f" slowest message {tally.slowest_s * 1000:.0f} ms of CPU")  # fmt: skip
    for fault in tally.faults[:10]:
        print(fault[:2_000])
    return 1 if tally.faults else 0


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    sys.exit(main())
