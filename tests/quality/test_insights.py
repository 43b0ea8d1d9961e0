"""The publisher against a real HTTPS server (spec: insights 1; oracle 10)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.event import Event

from agent.quality.insights import MAX_WAITING, EventPublisher, InsightsError
from agent.quality.report_generation import SECOND_REPORTS
from tests.signaling.web import Web

WAIT_S = 10
Make = Callable[..., EventPublisher]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    web = Web(tmp_path)
    yield web
    web.close()


@pytest.fixture
def publisher(web: Web) -> Iterator[Make]:
    made: list[EventPublisher] = []

    def make(**options: Any) -> EventPublisher:
        publisher = EventPublisher("the-token", **({"host": web.host, "ca_file": str(web.ca_file)} | options))
        made.append(publisher)
        return publisher

    yield make
    for each in made:
        each.close()


def test_an_event_is_posted_with_the_token_and_the_envelope(web, publisher):
    result = publisher(metadata={"app_name": "door"}, unix_time=lambda: 1_697_457_600.0).post(
        "info", "feedback", "received", {"quality_score": 5}
    )
    result.get(timeout=WAIT_S)
    request = web.next_request()
    assert (request.method, request.target) == ("POST", "/v4/EndpointEvents")
    assert request.header("Content-Type") == "application/json"
    assert request.header("X-Twilio-Token") == "the-token"
    body = json.loads(request.body)
    assert list(body) == (
        ["publisher", "group", "name", "timestamp", "level", "payload_type", "private", "payload", "publisher_metadata"]
    )
    assert body["timestamp"] == "2023-10-16T12:00:00.000Z"
    assert body["payload"] == {"quality_score": 5}
    assert body["publisher_metadata"] == {"app_name": "door"}


def test_metrics_are_posted_as_a_list(web, publisher):
    publisher().post_metrics("quality-metrics-samples", "metrics-sample", [{"rtt": 1}, {"rtt": 2}]).get(timeout=WAIT_S)
    request = web.next_request()
    assert request.target == "/v4/EndpointMetrics"
    assert json.loads(request.body)["payload"] == [{"rtt": 1}, {"rtt": 2}]


def test_posts_leave_in_order_over_one_connection(web, publisher):
    source = publisher()
    results = [source.post("info", "group", str(number), {}) for number in range(20)]
    gevent.joinall(results, timeout=WAIT_S)
    requests = [web.next_request() for _ in results]
    assert [json.loads(request.body)["name"] for request in requests] == [str(number) for number in range(20)]
    assert len({request.environ["REMOTE_PORT"] for request in requests}) == 1


def test_a_new_token_is_used_from_then_on(web, publisher):
    source = publisher()
    source.set_token("another")
    source.post("info", "g", "n", {}).get(timeout=WAIT_S)
    assert web.next_request().header("X-Twilio-Token") == "another"


def test_a_disabled_publisher_succeeds_without_sending(web, publisher):
    source = publisher(enabled=False)
    source.post("info", "g", "n", {}).get(timeout=0)
    source.post_metrics("g", "n", []).get(timeout=0)
    assert web.requests.empty()


@pytest.mark.parametrize("status", [300, 400, 401, 500])
def test_another_status_than_200_to_299_is_a_failure(web, publisher, status):
    web.status = status
    with pytest.raises(InsightsError, match=f"HTTP status {status}"):
        publisher().post("info", "g", "n", {}).get(timeout=WAIT_S)


@pytest.mark.parametrize("status", [200, 204, 299])
def test_a_status_of_200_to_299_is_a_success(web, publisher, status):
    web.status = status
    assert publisher().post("info", "g", "n", {}).get(timeout=WAIT_S) is None


def test_failures_are_logged_once_and_their_end_too(web, publisher, caplog):
    web.status = 500
    source = publisher()
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            with pytest.raises(InsightsError):
                source.post("info", "g", "n", {}).get(timeout=WAIT_S)
        web.status = 200
        source.post("info", "g", "n", {}).get(timeout=WAIT_S)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "the-token" not in caplog.text


def test_a_server_that_is_not_trusted_gets_nothing(web, publisher):
    with pytest.raises(InsightsError, match="not trusted"):
        publisher(ca_file=None).post("info", "g", "n", {}).get(timeout=WAIT_S)
    assert web.requests.empty()


def test_an_endpoint_that_is_down_costs_neither_time_nor_memory(publisher):
    source = publisher(host="127.0.0.1:1")
    results = [source.post("info", "g", str(number), {"text": "x" * 1000}) for number in range(MAX_WAITING + 50)]
    assert len(source._waiting) == MAX_WAITING
    assert all(result.ready() for result in results[:50])
    gevent.wait(results, timeout=WAIT_S)
    assert all(isinstance(result.exception, InsightsError) for result in results)


def test_an_endpoint_that_hangs_is_given_up_and_the_next_post_tried(web, publisher, monkeypatch):
    monkeypatch.setattr("agent.quality.insights.TIMEOUT_S", 1.0)  # the second post has no longer either
    hanging = Event()
    web.gate = hanging.wait
    source = publisher()
    with pytest.raises(InsightsError, match="no answer"):
        source.post("info", "g", "first", {}).get(timeout=WAIT_S)
    hanging.set()
    source.post("info", "g", "second", {}).get(timeout=WAIT_S)


def test_closing_lets_what_waits_leave_first(web, publisher):
    source = publisher()
    result = source.post("info", "g", "n", {})
    source.close(timeout_s=WAIT_S)
    assert result.get(timeout=0) is None


def test_closing_at_once_drops_what_waits(publisher):
    source = publisher(host="127.0.0.1:1")
    result = source.post("info", "g", "n", {})
    source.close()
    with pytest.raises(InsightsError):
        result.get(timeout=WAIT_S)
    assert source.post("info", "g", "later", {}).ready()


# The second generation


def test_nothing_is_sent_before_the_host_is_known_and_all_that_comes_after_is(web, publisher):
    source = publisher(host=None)
    source.post("info", "g", "early", {}).get(timeout=0)
    assert web.requests.empty()

    source.set_host(web.host)
    source.post("info", "g", "late", {}).get(timeout=WAIT_S)

    assert json.loads(web.next_request().body)["name"] == "late"
    assert web.requests.empty()


def test_reports_move_to_another_host_and_what_is_on_its_way_arrives(web, publisher, tmp_path):
    other = Web(tmp_path)
    source = publisher()
    hanging = Event()
    web.gate = hanging.wait
    first = source.post("info", "g", "first", {})
    assert json.loads(web.next_request().body)["name"] == "first"

    source.set_host(other.host)
    second = source.post("info", "g", "second", {})
    hanging.set()

    assert first.get(timeout=WAIT_S) is second.get(timeout=WAIT_S) is None
    assert json.loads(other.next_request().body)["name"] == "second"
    other.close()


def test_the_same_host_again_keeps_the_connection(web, publisher):
    source = publisher()
    for name in ("first", "second"):
        source.set_host(web.host)
        source.post("info", "g", name, {}).get(timeout=WAIT_S)
    assert len({web.next_request().environ["REMOTE_PORT"] for _ in range(2)}) == 1


def test_a_closed_publisher_goes_nowhere_any_more(web, publisher):
    source = publisher(host=None)
    source.close()
    source.set_host(web.host)
    source.post("info", "g", "n", {}).get(timeout=0)
    assert web.requests.empty()


def test_the_envelope_of_the_second_generation_has_an_order_of_its_own(web, publisher):
    publisher(generation=SECOND_REPORTS).post("info", "feedback", "received", {"quality_score": 5}).get(timeout=WAIT_S)
    assert list(json.loads(web.next_request().body)) == (
        ["group", "level", "name", "payload", "payload_type", "private", "publisher", "timestamp", "publisher_metadata"]
    )
