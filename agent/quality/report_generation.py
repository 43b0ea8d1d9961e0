"""How reports of the two generations are worded, and where they go, side by side (spec: insights 1, 2, 6, 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agent.net.address import is_label

TWILIO_HOST: Final = "eventgw.twilio.com"


@dataclass(frozen=True)
class ReportGeneration:
    """What one generation does."""

    envelope: tuple[str, ...]  #: the members around each report, in order
    sorts_metrics: bool  #: whether the members of a sample come in the order of the alphabet
    follows_home: bool  #: whether reports go where the service says, and nowhere before it does


FIRST_REPORTS: Final = ReportGeneration(
    ("publisher", "group", "name", "timestamp", "level", "payload_type", "private", "payload", "publisher_metadata"),
    sorts_metrics=False,
    follows_home=False,
)
SECOND_REPORTS: Final = ReportGeneration(
    ("group", "level", "name", "payload", "payload_type", "private", "publisher", "timestamp", "publisher_metadata"),
    sorts_metrics=True,
    follows_home=True,
)
REPORT_GENERATIONS: Final = {"1": FIRST_REPORTS, "2": SECOND_REPORTS}


def home_host(home: str | None) -> str:
    """Name the host that takes reports for this home; that of no home takes those of all others."""
    return f"eventgw.{home}.twilio.com" if home and is_label(home) else TWILIO_HOST
