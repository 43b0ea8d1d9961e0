"""Sends what happens in calls to the Insights endpoint, beside the calls and never in their way (spec: insights 1).

A post only queues; one greenlet sends. The queue is bounded: while the endpoint is down the oldest post gives way, and
memory stays flat. A post is tried once.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import gevent
from gevent.event import AsyncResult, Event

from agent.closing import Closing
from agent.errors import LocalFault
from agent.log import FailureLog
from agent.net.http import HttpError, HttpHost
from agent.net.resolve import LOOKUP_LIMIT_S
from agent.quality.envelope import envelope, to_json
from agent.quality.report_generation import FIRST_REPORTS, TWILIO_HOST, ReportGeneration

log = logging.getLogger(__name__)

EVENTS_TARGET = "/v4/EndpointEvents"
METRICS_TARGET = "/v4/EndpointMetrics"
MAX_WAITING = 200
TIMEOUT_S = 10.0
LONGEST_S = TIMEOUT_S + LOOKUP_LIMIT_S
CLOSED = "the publisher was closed before the report was sent"

Result: TypeAlias = Any  #: a gevent AsyncResult of None; raises InsightsError


class InsightsError(LocalFault):
    """A post did not reach the endpoint."""


@dataclass(frozen=True)
class _Post:
    target: str
    body: bytes
    result: Result


class EventPublisher(Closing):
    """The publisher of one Device; `post` and `post_metrics` return at once, with a result that can be waited for.

    `metadata` is `{"app_name": ..., "app_version": ...}`. When not `enabled` every post succeeds without being sent.
    """

    def __init__(
        self,
        token: str,
        *,
        host: str | None = TWILIO_HOST,
        generation: ReportGeneration = FIRST_REPORTS,
        enabled: bool = True,
        metadata: Mapping[str, Any] | None = None,
        ca_file: str | None = None,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        """`host` None: every post succeeds without being sent, until `set_host` names one."""
        self._token = token
        self._ca_file = ca_file
        self._generation = generation
        self._is_open = enabled
        self._host_name: str | None = None
        self._host: HttpHost | None = None
        self._metadata = dict(metadata or {})
        self._unix_time = unix_time
        self._waiting: deque[_Post] = deque()
        self._work = Event()
        self._idle = Event()
        self._idle.set()
        self._sender: gevent.Greenlet[..., None] | None = None
        self._sending_since: float | None = None
        self._failures = FailureLog(log, "reporting to Insights")
        if host is not None:
            self.set_host(host)

    def set_token(self, token: str) -> None:
        """Use this token from the next post on."""
        self._token = token

    def set_host(self, name: str) -> None:
        """Send to this host, or host:port, from the next post on."""
        if not self._is_open or name == self._host_name:
            return
        before, self._host = self._host, HttpHost(f"https://{name}", ca_file=self._ca_file, timeout_s=TIMEOUT_S)
        self._host_name = name
        if before is not None:
            before.close()  # a post that is on its way there still gets its answer

    def post(self, level: str, group: str, name: str, payload: Mapping[str, Any]) -> Result:
        """Queue one event, `payload` being the default one merged with its own."""
        return self._enqueue(EVENTS_TARGET, level, group, name, dict(payload))

    def post_metrics(self, group: str, name: str, entries: list[dict[str, Any]]) -> Result:
        """Queue one list of metrics."""
        return self._enqueue(METRICS_TARGET, "INFO", group, name, entries)

    def overdue_s(self) -> float:
        """Return the seconds since the post that is being sent should have been sent, or given up."""
        return 0.0 if self._sending_since is None else max(0.0, time.monotonic() - self._sending_since - LONGEST_S)

    def close(self, timeout_s: float = 0.0) -> None:
        """Give what is queued `timeout_s` to leave, then send nothing more."""
        if self._host is not None:
            self._idle.wait(timeout_s)
        self._is_open = False
        host, self._host = self._host, None
        if self._sender is not None:
            self._sender.kill(block=False)
        while self._waiting:
            self._waiting.popleft().result.set_exception(InsightsError(CLOSED))
        if host is not None:
            host.close()

    def _enqueue(self, target: str, level: str, group: str, name: str, payload: Any) -> Result:
        result: Result = AsyncResult()
        if self._host is None:
            result.set(None)
            return result
        unix_ms = self._unix_time() * 1000
        body = to_json(
            envelope(
                group, name, level, payload, unix_ms=unix_ms, metadata=self._metadata, generation=self._generation
            )
        )
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft().result.set_exception(InsightsError("too many reports wait; the oldest is dropped"))
        self._waiting.append(_Post(target, body, result))
        self._idle.clear()
        self._work.set()
        if self._sender is None or self._sender.dead:
            self._sender = gevent.spawn(self._send_all)
        return result

    def _send_all(self) -> None:
        while self._host is not None:
            self._work.wait()
            self._work.clear()
            while self._waiting and self._host is not None:
                self._send(self._host, self._waiting.popleft())
            self._idle.set()

    def _send(self, host: HttpHost, post: _Post) -> None:
        headers = {"Content-Type": "application/json", "X-Twilio-Token": self._token}
        self._sending_since = time.monotonic()
        try:
            answer = host.request("POST", post.target, headers, post.body)
        except HttpError as exc:
            self._fail(post, str(exc))
            return
        except Exception as exc:
            self._fail(post, f"{type(exc).__name__}: {exc}")
            return
        except gevent.GreenletExit:
            post.result.set_exception(InsightsError(CLOSED))
            raise
        finally:
            self._sending_since = None
        if 200 <= answer.status < 300:
            self._failures.recovered()
            post.result.set(None)
        else:
            self._fail(post, f"{host.host} answered with HTTP status {answer.status}")

    def _fail(self, post: _Post, why: str) -> None:
        self._failures.failed(why)
        post.result.set_exception(InsightsError(why))
