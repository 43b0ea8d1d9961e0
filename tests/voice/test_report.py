"""Where the reports of a Device go in each generation (spec: insights 1, 8)."""

from __future__ import annotations

from typing import Any

import pytest

from agent.voice.options import DeviceOptions
from agent.voice.report import follow_home, reports_host

from .fakes import FakePublisher, FakeStream


class Moving(FakePublisher):
    """Keeps where it was told to send."""

    def __init__(self) -> None:
        super().__init__()
        self.hosts: list[str] = []

    def set_host(self, name: str) -> None:
        self.hosts.append(name)


def hosts_after(home: str | None, **given: Any) -> list[str]:
    """Where reports go once the service has named its home."""
    publisher, stream, options = Moving(), FakeStream("t", []), DeviceOptions.of(given)
    follow_home(publisher, stream, options)
    stream.say("connected", home=home)
    return publisher.hosts


def test_in_the_first_generation_reports_go_to_one_host_from_the_start() -> None:
    assert reports_host(DeviceOptions.of({"generation": "1"})) == "eventgw.twilio.com"
    assert hosts_after("us1", generation="1") == []


@pytest.mark.parametrize(
    ("home", "host"),
    [("us1", "eventgw.us1.twilio.com"), (None, "eventgw.twilio.com"), ("evil.test/", "eventgw.twilio.com")],
)
def test_in_the_second_they_go_where_the_service_says_and_nowhere_before(home: str | None, host: str) -> None:
    assert reports_host(DeviceOptions()) is None
    assert hosts_after(home) == [host]


def test_a_host_that_the_program_names_is_the_one() -> None:
    assert reports_host(DeviceOptions.of({"eventgw": "reports.test:8443"})) == "reports.test:8443"
    assert hosts_after("us1", eventgw="reports.test") == []


def test_a_publisher_of_the_program_knows_where_it_sends() -> None:
    assert hosts_after("us1", publisher_factory=lambda token: None) == []
