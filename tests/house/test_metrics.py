"""Figures: what is counted, how they are served, and that a real Prometheus understands all that is shipped for it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gevent
import pytest
from gevent import socket
from geventhttpclient import HTTPClient
from prometheus_client.parser import text_string_to_metric_families

from agent.house.happenings import Happening
from agent.house.metrics.counts import HouseCounts
from agent.house.metrics.part import MetricsPart
from agent.house.metrics.settings import MetricsSettings
from agent.supervision.heartbeat import Heartbeat
from bench.rig.ports import unused_port
from tests.house.stage import PlayedBox

FLEET = Path(__file__).parents[2] / "docs" / "fleet"
EXPRESSION = re.compile(r"^ +expr: (?:>\n)?((?:.|\n(?! +(?:for|labels):))+)", re.MULTILINE)
CALL = {"mos": 4.2, "loss_percent": 2.0, "jitter_ms": 12.0, "rtt_ms": 80.0}
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="Prometheus is not installed: apt-get install prometheus",
)


@pytest.fixture
def part(played: PlayedBox) -> Iterator[MetricsPart]:
    part = MetricsPart(MetricsSettings(listen="127.0.0.1:0"), played, played.trouble)
    greenlet = gevent.spawn(part.run, Heartbeat())
    assert part.served.wait(30)
    yield part
    greenlet.kill()


def ask(port: int, path: str = "/metrics", method: str = "GET", **headers: str) -> tuple[int, str]:
    with closing(HTTPClient("127.0.0.1", port, headers=headers)) as client:
        answer = client.request(method, path)
        return answer.status_code, answer.read().decode()


def figures(text: str) -> dict[tuple[str, str], float]:
    """Each figure: its name, its labels' values, and what it is."""
    return {(sample.name, " ".join(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text) for sample in family.samples}  # fmt: skip


def live(played: PlayedBox) -> None:
    """Let a box have something of everything."""
    played.facts |= {"call": CALL, "states": ["ready", "in_call"]}
    played.happens("ring", button="bell", to="porter")
    for outcome in ("answered", "answered", "missed", "failed"):
        played.happens("hung_up", direction="incoming", peer="p", outcome=outcome, duration_s=2.5)


def test_what_the_box_is_and_did_stands_in_base_units(part: MetricsPart, played: PlayedBox) -> None:
    live(played)
    for code in (53001, 53405, None):
        part.counts.recovery(code)
    part.counts.second(CALL)
    status, text = ask(part.port)
    found = figures(text)

    assert status == 200
    assert found["kiosk_info", "gate 1.2.3"] == 1
    assert (found["kiosk_registered", ""], found["kiosk_up_seconds", ""]) == (1, 7)
    assert found["kiosk_volume_ratio", ""] == 0.6
    assert (found["kiosk_call_mos", ""], found["kiosk_call_loss_ratio", ""]) == (4.2, 0.02)
    assert (found["kiosk_call_jitter_seconds", ""], found["kiosk_call_rtt_seconds", ""]) == (0.012, 0.08)
    assert (found["kiosk_calls_total", "incoming answered"], found["kiosk_calls_total", "incoming missed"]) == (2, 1)
    assert found["kiosk_talk_seconds_total", "incoming"] == 10
    assert (found["kiosk_recoveries_total", "signaling"], found["kiosk_recoveries_total", "media"]) == (1, 2)
    assert (found["kiosk_part_up", "pins"], found["kiosk_part_up", "media"]) == (1, 0)
    assert found["kiosk_part_restarts_total", "media"] == 2
    assert found["kiosk_sound_state", "open"] == 1 and found["kiosk_sound_state", "lost"] == 0
    assert found["kiosk_events_total", "ring"] == 1
    assert (found["kiosk_mos_bucket", "4.0"], found["kiosk_mos_bucket", "4.3"]) == (0, 1)
    assert found["kiosk_mos_sum", ""] == 4.2
    assert found["process_resident_memory_bytes", ""] > 1e6


def test_nobody_who_calls_is_named(part: MetricsPart, played: PlayedBox) -> None:
    played.facts |= {"call": {**CALL, "peer": "somebody"}}
    played.happens("hung_up", direction="incoming", peer="somebody", outcome="missed", duration_s=0)

    assert "somebody" not in ask(part.port)[1]


def test_whatever_a_door_or_a_box_is_called_is_read_back_as_such(part: MetricsPart, played: PlayedBox) -> None:
    names = ['a"b', "c\\\\d", "e\nf", "\\\\n", "grün", "{}", 'x",y="z', "1\nkiosk_registered 0\n", "x" * 300]
    played.open = dict.fromkeys(names, True)
    played.facts |= {"identity": 'the "gate"\\\n'}
    status, text = ask(part.port)

    found = figures(text)
    assert status == 200 and found["kiosk_registered", ""] == 1
    assert {name for (figure, name) in found if figure == "kiosk_door_open"} == set(names)
    assert ("kiosk_info", 'the "gate"\\\n 1.2.3') in found


@pytest.mark.parametrize(("path", "method", "headers", "status"), [
    ("/", "GET", {}, 404), ("/metrics/../etc/passwd", "GET", {}, 404), ("/metrics", "PUT", {}, 405),
    ("/metrics", "POST", {}, 403), ("/metrics", "GET", {"Host": "evil.example"}, 421),
    ("/metrics", "GET", {"Origin": "http://evil.example"}, 403), ("/metrics", "HEAD", {}, 200),
    ("/METRICS", "GET", {}, 404), ("/metrics/", "GET", {}, 404), ("/metrics", "BREW", {}, 405),
    ("/" + "a" * 9000, "GET", {}, 414), ("/metrics?x=%ff", "GET", {}, 200),
])  # fmt: skip
def test_only_the_figures_are_served_and_not_to_other_sites(
    part: MetricsPart, path: str, method: str, headers: dict[str, str], status: int
) -> None:
    assert ask(part.port, path, method, **headers)[0] == status


def test_those_who_hold_connections_keep_prometheus_out_of_nothing(part: MetricsPart) -> None:
    holders = [socket.create_connection(("127.0.0.1", part.port)) for _ in range(60)]
    for holder in holders:
        holder.sendall(b"GET /met")

    assert ask(part.port)[0] == 200
    for holder in holders:
        holder.close()


def test_those_who_ask_without_end_are_given_what_was_written_before(
    part: MetricsPart, played: PlayedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.house.metrics.part.KEPT_S", 3600.0)
    first = ask(part.port)
    played.facts |= {"up_s": 1000}

    assert ask(part.port) == first


def test_an_address_that_is_taken_is_told_and_tried_again(
    played: PlayedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.house.metrics.part.RETRY_S", 0.05)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        settings = MetricsSettings(listen=f"127.0.0.1:{other.getsockname()[1]}")
        part = MetricsPart(settings, played, played.trouble)
        greenlet = gevent.spawn(part.run, Heartbeat())
        played.until(lambda: any("another [metrics] listen" in why for why in played.troubles), "told")
    assert part.served.wait(30)
    greenlet.kill()

    assert played.troubles[-1] == ""


def test_a_quality_beyond_the_scale_falls_into_the_last_class() -> None:
    counts = HouseCounts()
    counts.second({"mos": 5.5})
    counts.second(None)
    counts.happened(Happening("call", {"to": "x"}))

    assert sum(counts.mos) == counts.mos[-1] == 1


# --- what is shipped for Prometheus and Grafana ---


def expressions() -> list[str]:
    rules = EXPRESSION.findall((FLEET / "alerts.yml").read_text())
    panels = json.loads((FLEET / "board.json").read_text())["panels"]
    return rules + [target["expr"].replace("$box", ".*") for panel in panels for target in panel["targets"]]


def test_rules_and_board_ask_for_figures_that_there_are(part: MetricsPart, played: PlayedBox) -> None:
    live(played)
    served = {name for name, _ in figures(ask(part.port)[1])}
    asked = {name for one in expressions() for name in re.findall(r"\b(?:kiosk|process)_\w+", one)}

    assert asked <= served


@needs_prometheus
def test_promtool_finds_nothing_wrong() -> None:
    for check in ("rules", "config"):
        file = FLEET / {"rules": "alerts.yml", "config": "prometheus.yml"}[check]
        done = subprocess.run(["promtool", "check", check, str(file)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


class Prometheus:
    """A real one, with the rules that are shipped, that scrapes one box."""

    def __init__(self, folder: Path, box_port: int) -> None:
        self.port = unused_port()
        config = (FLEET / "prometheus.yml").read_text()
        config = config.replace("15s", "1s").replace("127.0.0.1:9469", f"127.0.0.1:{box_port}")
        (folder / "prometheus.yml").write_text(config)
        shutil.copy(FLEET / "alerts.yml", folder)
        self._log = (folder / "log").open("w")
        self._process = subprocess.Popen(
            ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{self.port}"], stderr=self._log, stdout=self._log)  # fmt: skip

    def get(self, path: str) -> Any:
        status, body = ask(self.port, path)
        assert status == 200, body
        return json.loads(body)["data"]

    def query(self, expression: str) -> list[Any]:
        found: list[Any] = self.get(f"/api/v1/query?query={quote(expression)}")["result"]
        return found

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._log.close()


@pytest.fixture
def prometheus(part: MetricsPart, tmp_path: Path) -> Iterator[Prometheus]:
    prometheus = Prometheus(tmp_path, part.port)
    yield prometheus
    prometheus.close()


@needs_prometheus
def test_a_real_prometheus_scrapes_the_box_and_answers_each_expression_of_rules_and_board(
    played: PlayedBox, prometheus: Prometheus
) -> None:
    live(played)
    until_scraped(prometheus)

    for expression in expressions():
        prometheus.query(expression)
    assert [one["metric"]["identity"] for one in prometheus.query("kiosk_info")] == ["gate"]
    rules = [rule for group in prometheus.get("/api/v1/rules")["groups"] for rule in group["rules"]]
    assert len(rules) >= 10
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
    assert [one["value"][1] for one in prometheus.query("sum(kiosk_calls_total)")] == ["4"]


def until_scraped(prometheus: Prometheus) -> None:
    """Wait until it has figures: it can only be asked."""
    with gevent.Timeout(90):
        while True:
            try:
                if prometheus.query('up{job="kiosk-agent"} == 1'):
                    return
            except (OSError, AssertionError):
                pass
            gevent.sleep(0.2)
