"""The figures of a box: counts what happens, and serves them; goes on trying while its address is taken."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from time import monotonic

import gevent
from gevent.event import Event
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric

from agent.house.box import HouseBox
from agent.house.metrics.counts import HouseCounts
from agent.house.metrics.families import families
from agent.house.metrics.server import MetricsServer
from agent.house.metrics.settings import MetricsSettings
from agent.log import FailureLog
from agent.supervision.heartbeat import Heartbeat

log = logging.getLogger(__name__)

RETRY_S = 5.0
KEPT_S = 0.25  # whoever asks more often gets what was written for the one before


class BoxCollector:
    """What prometheus_client asks for the figures of this moment."""

    def __init__(self, box: HouseBox, counts: HouseCounts) -> None:
        self._box = box
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """Make every family."""
        return families(self._box.status(), self._box.parts(), self._box.doors(), self._counts)


class MetricsPart:
    """`run` is a child for the supervisor; `trouble(why)` is told why nothing is served, and "" when something is."""

    def __init__(self, settings: MetricsSettings, box: HouseBox, trouble: Callable[[str], None]) -> None:
        self.counts = HouseCounts()
        self.port = 0  #: where it listens; 0 while it does not
        self.served = Event()
        self._settings = settings
        self._trouble = trouble
        self._failures = FailureLog(log, "serving figures")
        self._text, self._written_s = b"", -math.inf
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(BoxCollector(box, self.counts))
        ProcessCollector(registry=self._registry)
        box.listen(self.counts.happened, lambda: None)

    def run(self, heartbeat: Heartbeat) -> None:
        """Serve until it is killed."""
        while (server := self._try()) is None:
            heartbeat.beat()
            gevent.sleep(RETRY_S)
        self.port = server.port
        self.served.set()
        try:
            Event().wait()
        finally:
            self.port = 0
            self.served.clear()
            server.close()

    def render(self) -> tuple[bytes, str]:
        """Return all figures of this moment; text and content type."""
        now = monotonic()
        if now - self._written_s >= KEPT_S:
            self._written_s, self._text = now, generate_latest(self._registry)
        return self._text, CONTENT_TYPE_LATEST

    def _try(self) -> MetricsServer | None:
        server = None
        try:
            server = MetricsServer(self._settings, self.render)
            server.start()
        except OSError as error:
            if server is not None:
                server.close()
            why = f"figures cannot be served at {self._settings.listen}: {error.strerror or error}"
            self._failures.failed(why)
            self._trouble(f"{why}; choose another [metrics] listen")
            return None
        self._failures.recovered()
        self._trouble("")
        return server
