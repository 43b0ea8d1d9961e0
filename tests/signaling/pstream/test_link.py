"""The reconnecting link on a fake clock (spec: oracle 4.2, 4.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from agent.errors import InvalidArgumentError
from agent.signaling.pstream.effects import (
    CloseSocket,
    Dial,
    LinkClosed,
    LinkEffect,
    LinkFailed,
    LinkMessage,
    LinkOpened,
    LinkUnsent,
    WriteFrame,
)
from agent.signaling.pstream.link import Link
from agent.signaling.pstream.messages import OutboundFrame
from agent.signaling.pstream.retries import EdgesInTurn

HAIR_S = 1e-6  #: what sums of floats may miss
A, B, C = "wss://a/signal", "wss://b/signal", "wss://c/signal"


FRAME = OutboundFrame("x", "x")


class SocketOnPaper:
    """Remembers what it was told; `is_broken` makes it refuse to send."""

    def __init__(self, attempt: int, uri: str) -> None:
        self.attempt = attempt
        self.uri = uri
        self.sent: list[str] = []
        self.is_broken = False
        self.is_closed = False


class Bench:
    """A link whose clock the test moves, and whose effects it carries out; `log` is what happened, as (ms, event)."""

    def __init__(self, *uris: str, **options: Any) -> None:
        self.now = 0.0
        self.log: list[tuple[int, str]] = []
        self.errors: list[dict[str, Any]] = []
        self.sockets: list[SocketOnPaper] = []
        self.dial_error: str | None = None
        policy = {name: options.pop(name) for name in ("max_ms", "random") if name in options}
        self.link = Link(EdgesInTurn(uris or (A,), **({"random": lambda: 0} | policy)), **options)

    @property
    def socket(self) -> SocketOnPaper:
        return self.sockets[-1]

    def carry_out(self, effects: list[LinkEffect]) -> None:
        for effect in effects:
            self._carry_out(effect)

    def _carry_out(self, effect: LinkEffect) -> None:
        match effect:
            case Dial(attempt) if self.dial_error is not None:
                self.carry_out(self.link.dial_failed(attempt, self.dial_error))
            case Dial(attempt, uri):
                self.sockets.append(SocketOnPaper(attempt, uri))
                self._note(f"connect {uri[6]}")
            case WriteFrame() if self.socket.is_broken:
                self.carry_out(self.link.write_failed(effect, "broken", self.now))
            case WriteFrame(_, frame):
                self.socket.sent.append(frame.text)
            case CloseSocket():
                self.socket.is_closed = True
            case LinkFailed(error):
                self.errors.append(error)
                self._note(f"error {error['code']}")
            case LinkMessage(data):
                self._note(f"message {data!r}")
            case LinkUnsent(frame):
                self._note(f"unsent {frame.text!r}")
            case LinkOpened():
                self._note("open")
            case LinkClosed():
                self._note("close")

    def _note(self, event: str) -> None:
        self.log.append((round(self.now * 1000), event))

    def at(self, time_ms: float, act: Callable[[], None] | None = None) -> None:
        """Let the clock run to this time, timers included, then act."""
        end = time_ms / 1000
        while (deadline := self.link.deadline()) is not None and deadline <= end + HAIR_S:
            self.now = max(self.now, deadline)
            self.carry_out(self.link.tick(self.now))
        self.now = end
        if act is not None:
            act()

    def open(self) -> None:
        self.carry_out(self.link.open(self.now))

    def close(self) -> None:
        self.carry_out(self.link.close(self.now))

    def send(self) -> None:
        self.carry_out(self.link.send(FRAME))

    def network_changed(self, *, path_intact: bool = False) -> None:
        self.carry_out(self.link.network_changed(self.now, path_intact=path_intact))

    def opened(self) -> None:
        self.carry_out(self.link.socket_opened(self.link.attempt, self.now))

    def closed(self, code: int = 1006, reason: str = "") -> None:
        self.carry_out(self.link.socket_closed(self.link.attempt, code, reason, self.now))

    def message(self, data: str | bytes) -> None:
        self.carry_out(self.link.socket_message(self.link.attempt, data, self.now))


# Timelines


def test_a_server_that_never_answers_is_tried_ever_more_seldom():
    bench = Bench()
    bench.open()
    bench.at(36_300)
    connects = [0, 5100, 10_300, 15_700, 21_500, 28_100, 36_300]
    closes = [time + 5000 for time in connects[:-1]]
    assert [time for time, event in bench.log if event == "connect a"] == connects
    assert [time for time, event in bench.log if event == "close"] == closes
    assert not bench.errors


def test_a_silent_server_is_left_after_15_seconds_and_the_same_edge_tried_first():
    bench = Bench(A, B)
    bench.open()
    bench.at(50, bench.opened)
    bench.at(16_050)
    assert bench.log == [(0, "connect a"), (50, "open"), (15_050, "close"), (16_050, "connect a")]


def test_the_second_failure_moves_on_to_the_next_edge():
    bench = Bench(A, B)
    bench.open()
    bench.at(50, bench.opened)
    bench.at(12_000, bench.closed)
    bench.at(13_100, bench.closed)
    bench.at(15_100)
    assert bench.log == [
        (0, "connect a"),
        (50, "open"),
        (12_000, "error 31005"),
        (12_000, "close"),
        (13_000, "connect a"),
        (13_100, "error 31005"),
        (13_100, "close"),
        (15_100, "connect b"),
    ]


def test_heartbeats_keep_the_connection_and_their_end_ends_it():
    bench = Bench()
    bench.open()
    bench.at(0, bench.opened)
    for beat in range(1, 5):
        bench.at(beat * 10_000, lambda: bench.message("\n"))
    first = bench.socket
    bench.at(60_000)
    assert first.sent == ["\n"] * 4
    assert bench.log[2:] == [(55_000, "close"), (55_100, "connect a"), (60_100, "close")][:2]


def test_a_connection_that_lived_more_than_10_seconds_resets_the_pause():
    bench = Bench()
    bench.open()
    delays = []
    for life_ms in (5000, 5000, 10_001):
        bench.at(bench.now * 1000, bench.opened)
        bench.at(bench.now * 1000 + life_ms, lambda: bench.closed(1001))
        lost = bench.now
        deadline = bench.link.deadline()
        assert deadline is not None
        delays.append(round((deadline - lost) * 1000))
        bench.at(deadline * 1000)
    assert delays == [100, 200, 100]


@pytest.mark.parametrize(("life_ms", "pause_ms"), [(11_000, 100), (10_000, 200), (9_000, 200)])
def test_the_pause_is_reset_only_after_more_than_10_seconds(life_ms, pause_ms):
    bench = Bench()
    bench.open()
    bench.closed()
    bench.at(100, bench.opened)
    bench.at(100 + life_ms, lambda: bench.closed(1000))
    assert bench.link.deadline() == pytest.approx((100 + life_ms + pause_ms) / 1000)


def test_an_old_success_does_not_reset_the_pause_of_later_failures():
    bench = Bench()
    bench.open()
    bench.at(0, bench.opened)
    bench.at(12_000, bench.closed)
    bench.at(12_100, bench.closed)
    bench.at(12_300, bench.closed)
    bench.at(12_700)
    assert [time for time, event in bench.log if event.startswith("connect")] == [0, 12_100, 12_300, 12_700]


# Opening and closing


def test_a_new_link_has_no_socket():
    assert Bench().sockets == []


def test_opening_twice_makes_one_socket():
    bench = Bench()
    bench.open()
    bench.open()
    bench.opened()
    bench.open()
    assert len(bench.sockets) == 1


def test_opening_again_after_closing_makes_another():
    bench = Bench()
    bench.open()
    bench.close()
    bench.open()
    bench.at(4_000)
    assert len(bench.sockets) == 2
    assert bench.sockets[0].is_closed


def test_a_closed_link_stays_closed():
    bench = Bench()
    bench.open()
    bench.opened()
    bench.close()
    bench.at(100_000)
    assert bench.log == [(0, "connect a"), (0, "open"), (0, "close")]
    assert bench.link.state == "closed"


def test_closing_during_the_pause_ends_it():
    bench = Bench()
    bench.open()
    bench.closed()
    bench.close()
    assert bench.link.deadline() is None


def test_an_address_that_cannot_be_dialled_ends_the_link():
    bench = Bench()
    bench.dial_error = "not an address"
    bench.open()
    bench.at(100_000)
    assert (bench.errors[0]["code"], bench.errors[0]["twilioError"].code) == (31000, 53001)
    assert bench.link.state == "closed"
    assert len(bench.errors) == 1


def test_a_link_needs_an_address():
    with pytest.raises(InvalidArgumentError):
        EdgesInTurn(())


# Sending


def test_nothing_can_be_sent_without_an_open_connection():
    bench = Bench()
    for step in (lambda: None, bench.open, bench.opened, bench.close):
        step()
        bench.send()
    unsent = (0, "unsent 'x'")
    assert bench.log == [unsent, (0, "connect a"), unsent, (0, "open"), (0, "close"), unsent]
    assert bench.socket.sent == ["x"]


def test_a_socket_that_breaks_while_sending_is_dropped():
    bench = Bench()
    bench.open()
    bench.opened()
    bench.socket.is_broken = True
    bench.send()
    assert bench.socket.is_closed
    assert bench.log[-2:] == [(0, "close"), (0, "unsent 'x'")]


def test_a_socket_that_breaks_on_a_heartbeat_is_dropped():
    bench = Bench()
    bench.open()
    bench.opened()
    bench.socket.is_broken = True
    bench.message("\n")
    assert bench.log[-1] == (0, "close")


# Receiving


def test_a_heartbeat_is_answered_and_not_passed_on():
    bench = Bench()
    bench.open()
    bench.opened()
    bench.message("\n")
    assert bench.socket.sent == ["\n"]
    assert bench.log[-1] == (0, "open")


def test_any_other_message_is_passed_on_and_not_answered():
    bench = Bench()
    bench.open()
    bench.opened()
    bench.message("foo")
    assert bench.log[-1] == (0, "message 'foo'")
    assert bench.socket.sent == []


def test_any_message_is_a_sign_of_life():
    bench = Bench()
    bench.open()
    bench.opened()
    bench.at(14_000, lambda: bench.message("foo"))
    bench.at(28_999)
    assert bench.link.is_open


# Falling back


@pytest.mark.parametrize("code", [1006, 1015])
def test_an_abnormal_end_is_an_error_before_it_is_a_close(code):
    bench = Bench()
    bench.open()
    bench.opened()
    bench.closed(code)
    assert [event for _time, event in bench.log[-2:]] == ["error 31005", "close"]
    assert bench.errors[0]["twilioError"].code == 53000
    assert bench.link.state == "open"


def test_the_reason_of_an_abnormal_end_is_its_message():
    bench = Bench()
    bench.open()
    bench.closed(1006, "because")
    assert bench.errors[0]["message"] == "because"


@pytest.mark.parametrize("code", [123, 1000, 1001, 1011])
def test_any_other_end_is_no_error_and_keeps_the_edge(code):
    bench = Bench(A, B)
    bench.open()
    bench.closed(code)
    assert not bench.errors
    assert bench.link.uri == A


@pytest.mark.parametrize("code", [1006, 1015])
def test_edges_that_never_open_are_tried_in_turn(code):
    bench = Bench(A, B, C)
    bench.open()
    for uri in (B, C, A):
        bench.closed(code)
        assert bench.link.uri == uri
        bench.at(bench.now * 1000 + 30_000 if bench.link.deadline() is None else bench.link.deadline() * 1000)


@pytest.mark.parametrize(
    ("timeout_ms", "checks"),
    [(5_000, [(3_000, A), (5_000, B)]), (20_000, [(5_000, A), (19_999, A), (20_000, B)])],
)
def test_a_slow_edge_is_left_for_the_next(timeout_ms, checks):
    bench = Bench(A, B, connect_timeout_ms=timeout_ms)
    bench.open()
    for time_ms, uri in checks:
        bench.at(time_ms)
        assert bench.link.uri == uri


def test_an_opened_connection_forgets_that_it_should_fall_back():
    bench = Bench(A, B)
    bench.open()
    bench.opened()
    bench.closed()
    bench.at(1_000, bench.opened)
    bench.closed()
    assert bench.link.uri == A


@pytest.mark.parametrize("draw", [0, 0.5, 0.999999])
def test_the_first_pause_with_several_edges_is_drawn_once(draw):
    bench = Bench(A, B, random=lambda: draw)
    bench.open()
    bench.closed(1000)
    first = bench.link.deadline()
    assert first is not None
    initial_ms = 1000 + int(draw * 4001)
    assert first == pytest.approx(initial_ms * (1 + draw * 0.4) / 1000, abs=0.001)


@pytest.mark.parametrize("limit_ms", [1, 2999, 3000])
def test_the_longest_pause_is_at_least_3_seconds(limit_ms):
    bench = Bench(max_ms=limit_ms)
    bench.open()
    for _ in range(10):
        bench.closed(1000)
        lost, deadline = bench.now, bench.link.deadline()
        assert deadline is not None
        bench.at(deadline * 1000)
    assert deadline - lost == pytest.approx(3.0)


def test_several_edges_and_a_short_longest_pause_go_together():
    bench = Bench(A, B, max_ms=3000, random=lambda: 0.999999)
    bench.open()
    bench.closed(1000)
    assert bench.link.deadline() is not None


# A changed network


def test_a_changed_network_ends_the_pause():
    bench = Bench()
    bench.open()
    for _ in range(6):
        bench.closed()
        bench.at((bench.link.deadline() or 0) * 1000)
    bench.closed()
    bench.network_changed()
    assert bench.log[-1][1] == "connect a"
    bench.closed()
    assert bench.link.deadline() == pytest.approx(bench.now + 0.1)


def test_a_connection_whose_way_is_gone_is_replaced_at_once():
    bench = Bench()
    bench.open()
    bench.opened()
    bench.at(2_000, bench.network_changed)
    assert bench.log[-2:] == [(2_000, "close"), (2_000, "connect a")]
    assert bench.sockets[0].is_closed


def test_a_connection_whose_way_is_unharmed_is_kept():
    bench = Bench()
    bench.open()
    bench.opened()
    bench.network_changed(path_intact=True)
    assert bench.link.is_open


def test_a_burst_of_changes_makes_one_try():
    bench = Bench()
    bench.open()
    for time_ms in (10, 50, 200):
        bench.at(time_ms, bench.network_changed)
    assert len(bench.sockets) == 1
    bench.at(300, bench.network_changed)
    assert len(bench.sockets) == 2


def test_a_closed_link_does_not_care_about_the_network():
    bench = Bench()
    bench.network_changed()
    assert bench.sockets == []


# Reports that come too late


@pytest.mark.parametrize(
    "report",
    [
        lambda link, old: link.socket_opened(old, 9.0),
        lambda link, old: link.socket_message(old, "late", 9.0),
        lambda link, old: link.socket_message(old, "\n", 9.0),
        lambda link, old: link.socket_failed(old, "late"),
        lambda link, old: link.socket_closed(old, 1006, "late", 9.0),
        lambda link, old: link.dial_failed(old, "late"),
    ],
)
@pytest.mark.parametrize("then", ["the pause", "the next try", "the next connection"])
def test_what_a_dropped_socket_says_means_nothing(report, then):
    bench = Bench(A, B)
    bench.open()
    old = bench.link.attempt
    bench.opened()
    bench.closed(1000)
    if then != "the pause":
        bench.at(1_000)
    if then == "the next connection":
        bench.opened()
    before = (bench.link.state, bench.link.uri, bench.link.is_open, bench.link.deadline())
    assert report(bench.link, old) == []
    assert (bench.link.state, bench.link.uri, bench.link.is_open, bench.link.deadline()) == before


def test_a_frame_that_a_dropped_socket_did_not_take_harms_no_other():
    bench = Bench()
    bench.open()
    bench.opened()
    (write,) = bench.link.send(FRAME)
    bench.closed()
    bench.at(100, bench.opened)
    bench.carry_out(bench.link.write_failed(write, "late", bench.now))
    assert bench.log[-1] == (100, "unsent 'x'")
    assert bench.link.is_open


def test_a_link_is_in_its_new_state_before_anything_is_carried_out():
    link = Link(EdgesInTurn((A,), random=lambda: 0))
    link.open(0.0)
    assert link.state == "connecting"
    link.socket_opened(1, 0.0)
    assert (link.state, link.is_open) == ("open", True)
    link.socket_closed(1, 1006, "", 1.0)
    assert (link.is_open, link.deadline()) == (False, 1.1)
    link.network_changed(1.0, path_intact=False)
    assert (link.state, link.attempt) == ("connecting", 2)


# Logging


def test_failures_in_a_row_are_one_warning_and_their_end_one_line(caplog):
    bench = Bench(A, B)
    with caplog.at_level(logging.INFO):
        bench.open()
        bench.at(5_000)
        bench.carry_out(bench.link.socket_failed(bench.link.attempt, "refused"))
        bench.at(6_000)
        bench.at(6_500, bench.closed)
        bench.at(20_000)
        bench.opened()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert f"{A} did not answer within 5 s" in caplog.text


def test_an_end_that_was_asked_for_is_no_failure(caplog):
    bench = Bench()
    with caplog.at_level(logging.INFO):
        bench.open()
        bench.opened()
        bench.close()
    assert not caplog.records


@pytest.mark.parametrize(("lookup_ms", "answers_ms"), [(10, 4_900), (5_030, 100), (5_030, 4_900), (14_900, 4_900)])
def test_the_look_up_of_the_name_does_not_use_up_the_time_to_connect(lookup_ms, answers_ms):
    link = Link(EdgesInTurn([A]))
    link.open(0.0)
    link.socket_resolving(link.attempt, 0.0)
    for now in range(0, lookup_ms, 1_000):
        assert link.tick(now / 1000) == []
    link.socket_resolved(link.attempt, lookup_ms / 1000)
    assert link.tick((lookup_ms + answers_ms) / 1000) == []

    assert link.socket_opened(link.attempt, (lookup_ms + answers_ms) / 1000)


def test_a_server_that_does_not_answer_after_the_look_up_is_left_after_5_seconds():
    link = Link(EdgesInTurn([A]))
    link.open(0.0)
    link.socket_resolving(link.attempt, 0.1)
    link.socket_resolved(link.attempt, 6.0)

    assert link.tick(10.9) == []
    assert CloseSocket() in link.tick(11.0)


def test_a_look_up_that_never_ends_is_left_too():
    link = Link(EdgesInTurn([A]))
    link.open(0.0)
    link.socket_resolving(link.attempt, 0.1)

    assert link.deadline() == pytest.approx(25.1)


def test_what_an_old_socket_looks_up_changes_nothing():
    link = Link(EdgesInTurn([A]))
    link.open(0.0)
    link.socket_resolving(link.attempt - 1, 0.1)
    link.socket_resolved(link.attempt - 1, 3.0)

    assert link.deadline() == 5.0
