"""How punctually the recorded browser took its samples: one under load takes them late, or not at all.

    sampled late      a sample, or the report of ten, came later than a timer allows; from when it was due
    sampled at last   the call ended where a sample was due, which may have been taken or not
    first sample due  from a little before it, until when the codec is not known
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from .transcript import Line, Transcript

SECOND_MS = 1_000.0
PUNCTUAL_MS = 300.0
REPORT_MS = 10 * SECOND_MS


def sampling(transcript: Transcript) -> Iterator[tuple[float, str]]:
    """Everything that a difference of samples may be due to."""
    for began in transcript.of("http", group="settings", name="codec"):
        ended = [line.t for line in transcript.of("event", name="disconnect") if line.t > began.t][:1]
        ended_ms = ended[0] if ended else transcript.lines[-1].t
        yield began.t + SECOND_MS - PUNCTUAL_MS, "first sample due"
        yield from _late_reports(transcript, began.t, ended_ms)
        asked = [line.t for line in transcript.of("act") if str(line["what"]).endswith(".disconnect")]
        asked_ms = max([at_ms for at_ms in asked if began.t < at_ms <= ended_ms], default=ended_ms)
        dialled = [line for line in transcript.of("ws", ev="new") if began.t < line.t < ended_ms]
        doubt_ms = SECOND_MS if dialled else PUNCTUAL_MS  # ours waits a little longer or less for a new socket
        if _samples(began.t, asked_ms - doubt_ms) != _samples(began.t, ended_ms + doubt_ms):
            yield asked_ms - doubt_ms, "sampled at last"
    for line in transcript.of("event", name="warning"):
        yield from _late_samples(line)


def _late_reports(transcript: Transcript, began_ms: float, ended_ms: float) -> Iterator[tuple[float, str]]:
    reports = [line.t for line in transcript.of("http", name="metrics-sample") if began_ms < line.t <= ended_ms]
    for n in range(int((ended_ms - began_ms) // REPORT_MS)):
        due_ms = began_ms + (n + 1) * REPORT_MS
        if n >= len(reports) or reports[n] - due_ms > PUNCTUAL_MS:
            yield began_ms, "sampled late"
            return


def _samples(began_ms: float, until_ms: float) -> int:
    return int((until_ms - began_ms) // SECOND_MS)


def _late_samples(line: Line) -> Iterator[tuple[float, str]]:
    data = [each for each in line["args"] or [] if isinstance(each, dict) and "samples" in each]
    times = [sample["timestamp"] for each in data for sample in each["samples"]]
    if any(abs(later - earlier - SECOND_MS) > PUNCTUAL_MS for earlier, later in itertools.pairwise(times)):
        yield line.t - len(times) * SECOND_MS, "sampled late"
