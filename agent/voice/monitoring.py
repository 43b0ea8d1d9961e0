"""Watches the quality of one call while its media runs: samples, volumes and warnings (spec: quality)."""

from __future__ import annotations

from typing import Any, Final

from agent.alarm import Alarm
from agent.quality.metrics import GROUP, NAME, MetricsBuffer, with_call
from agent.quality.monitor import SAMPLE_INTERVAL_S, WARNINGS_DELAY_S, StatsMonitor
from agent.quality.report_generation import REPORT_GENERATIONS
from agent.quality.volume_meter import INTERVAL_MS, VolumeMeter
from agent.quality.warnings import QualityWarning
from agent.voice.protocols import CallHost, MonitoredCall
from agent.voice.recovery_policy import Recovery

_LOW_BYTES: Final = ("low-bytes-received", "low-bytes-sent")
_VOLUMES_PER_SAMPLE: Final = round(SAMPLE_INTERVAL_S * 1000 / INTERVAL_MS)


class Monitoring:
    """Reads the media's counters: once a second, or every 50 ms while somebody listens to `volume`."""

    def __init__(self, host: CallHost, call: MonitoredCall) -> None:
        self._host = host
        self._call = call
        self._monitor = StatsMonitor(score=host.generation.score)
        self._metrics = MetricsBuffer(REPORT_GENERATIONS[host.options.generation])
        self._input, self._output = VolumeMeter(), VolumeMeter()
        self._volumes = (0.0, 0.0)
        self._look_at: float | None = None
        self._alarm = Alarm(host.clock, lambda: self._look_at, self._look)
        self._next_sample_at = 0.0
        self._warnings_timer = host.clock.call_later(WARNINGS_DELAY_S, self._monitor.enable_warnings)

    @property
    def codec(self) -> str | None:
        """The codec of the latest sample."""
        latest = self._monitor.latest
        return latest["codecName"] if latest is not None else None

    def start(self) -> None:
        """Begin with the media: the first sample follows in a second; nothing happens when it runs already."""
        if self._look_at is None and not self._call.media.closed:
            self._next_sample_at = self._host.clock.now() + SAMPLE_INTERVAL_S
            self._wait()

    def stop(self) -> None:
        """End with the media, and send what was measured and not yet sent; idempotent."""
        self._warnings_timer.cancel()
        self._monitor.disable_warnings()
        self._look_at = None
        self._alarm.follow()
        self._publish(self._metrics.flush())

    def look_sooner(self) -> None:
        """Begin with volumes, because somebody listens from now on."""
        if self._look_at is not None and not self._call.media.closed:
            self._wait()

    def _wait(self) -> None:
        clock = self._host.clock
        wait_s = max(0.0, self._next_sample_at - clock.now())
        if self._is_volume_wanted():
            wait_s = min(wait_s, INTERVAL_MS / 1000)
        self._look_at = clock.now() + wait_s
        self._alarm.follow()

    def overdue_s(self) -> float:
        """Return the seconds since the counters should have been read."""
        return self._alarm.overdue_s()

    def _look(self) -> None:
        session = self._call.media.session
        if session is None or self._call.media.closed:
            self._look_at = None
            return
        self._measure(session.take_snapshots())
        if self._host.clock.now() >= self._next_sample_at:
            self._next_sample_at += SAMPLE_INTERVAL_S
            self._sample(session.stats())
        if not self._call.media.closed:
            self._wait()

    def _measure(self, taken: Any) -> None:
        """Both streams are looked at every 50 ms of their sound; a stream without sound keeps its last reading."""
        inputs, outputs = list(taken.input), list(taken.output)
        for n in range(min(max(len(inputs), len(outputs)), 2 * _VOLUMES_PER_SAMPLE)):
            levels = [0.0, 0.0]
            volumes = list(self._volumes)
            for side, (meter, snapshots) in enumerate(((self._input, inputs), (self._output, outputs))):
                if n < len(snapshots):
                    volumes[side], levels[side] = meter.measure(snapshots[n])
            self._monitor.add_levels(levels[0], levels[1])
            self._volumes = (volumes[0], volumes[1])
        if self._is_volume_wanted():
            self._call.emit("volume", *self._volumes)
            if self._host.audio is not None:
                self._host.audio.input_volume(self._volumes[0])

    def _is_volume_wanted(self) -> bool:
        audio = self._host.audio
        return bool(self._call.connection.listeners("volume") or (audio and audio.listeners("inputVolume")))

    def _sample(self, raw: Any) -> None:
        sample, warnings = self._monitor.add(self._host.generation.told_of_stream(raw), self._host.clock.now())
        for warning in warnings:
            self._warn(warning)
            if self._call.media.closed:
                return
        self._publish(self._metrics.add(sample, *self._volumes))
        self._call.emit("sample", sample)

    def _warn(self, warning: QualityWarning) -> None:
        """Recovery looks at it first, then Insights, then the program (spec: quality 6.4)."""
        if warning.silent_while_muted and self._call.media.muted:
            return
        if warning.name in _LOW_BYTES:
            self._call.tell_recovery(Recovery.low_bytes, warning.name, not warning.cleared)
            if self._call.media.closed:
                return
        self._call.report(warning.level, warning.group, warning.name, warning.insights_payload())
        if warning.is_public and warning.cleared:
            self._call.emit("warning-cleared", warning.name, None)
        elif warning.is_public:
            self._call.emit("warning", warning.name, warning.data)

    def _publish(self, entries: list[dict[str, Any]]) -> None:
        if entries:
            call = self._call
            options = self._host.options
            facts = {"call_sid": call.sid, "dscp": options.dscp, "sdk_version": options.wire.sdk_version}
            self._host.report_metrics(GROUP, NAME, with_call(entries, **facts, direction=call.connection.direction))
