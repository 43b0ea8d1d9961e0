"""Whatever an edge sends: it is read or refused, and what is read can be used (`python -m bench.sip_fuzz` for more)."""

from __future__ import annotations

import gc
import random
import tracemalloc

from agent.signaling.sip.digest import DigestClient
from agent.signaling.sip.message import MOST_BYTES, parse_message
from bench.rig.box_on_paper import BoxOnPaper
from bench.rig.broken_sip import GOOD, mutated
from bench.sip_fuzz import try_out
from tests.signaling.sip.frames import request


def test_a_thousand_broken_messages_make_no_other_error_and_leave_memory_flat():
    chance, digest = random.Random(3), DigestClient("kiosk", lambda: "secret")
    try_out(mutated(chance, 300), digest)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tally = try_out(mutated(chance, 1_000), digest)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert not tally.faults
    assert tally.read > 100
    assert tally.refused > 100
    assert after - before < 100_000


def test_a_good_message_is_read_and_used():
    assert try_out(iter(GOOD)).read == len(GOOD)


def test_the_largest_message_is_read():
    head = request()
    body = "x" * (MOST_BYTES - len(head))

    assert parse_message(head + body).body == body


def test_a_box_in_its_calls_survives_broken_messages_and_answers():
    box = BoxOnPaper(random.Random(4))

    tally = box.hear_many(1_500)

    assert not tally.faults
    assert box.told["invite"] > 100
    assert len(box.agent.calls) < 100
