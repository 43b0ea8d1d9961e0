"""One connection to an edge on a clock that the test moves: keep-alive, dead edges, the next one, back-off."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest

from agent.signaling.sip.edges import EdgeList
from agent.signaling.sip.effects import (
    CloseEdge,
    CloseFlows,
    DialEdge,
    FlowClosed,
    FlowFailed,
    FlowOpened,
    FlowReceived,
    KeepAlive,
    LeaveEdge,
    OpenFlows,
    WriteOnFlow,
    WriteText,
)
from agent.signaling.sip.flow import CONNECT_S, LASTING_S, LOOKUP_S, NEXT_EDGE_S, PING, PONG, Flow
from agent.signaling.sip.flows import Flows
from agent.signaling.sip.ping_vigil import FIRST_PING_S, FLOW_TIMER_S, PONG_S, UNANSWERED_PONG_S, UNANSWERED_S

A, B, C = "wss://a/", "wss://b/", "wss://c/"
HAIR_S = 1e-6  #: what sums of floats may miss


class Bench:
    """Flows whose sockets are on paper; `log` is what they asked for, pings as `ping`, in order."""

    def __init__(self, *uris: str, chance: float = 0.0) -> None:
        self.now = 100.0
        self.flows = Flows(uris or (A,), random=lambda: chance)
        self.log: list[str] = []
        self.errors: list[dict[str, Any]] = []
        self.ponging = True
        self.run(self.flows.obey(OpenFlows(), self.now))

    @property
    def flow(self) -> Flow:
        return self.flows[1]

    def run(self, effects: Iterable[Any]) -> None:
        for effect in effects:
            match effect:
                case DialEdge(flow, _, uri):
                    self.log.append(f"dial {flow} {uri}")
                case WriteText(flow, _, text):
                    self.log.append({PING: f"ping {flow}", PONG: f"pong {flow}"}.get(text, f"write {flow} {text}"))
                    if text == PING and self.ponging:
                        self.receive(PONG, flow)
                case CloseEdge(flow):
                    self.log.append(f"close {flow}")
                case FlowOpened(flow, uri):
                    self.log.append(f"opened {flow} {uri}")
                case FlowClosed(flow):
                    self.log.append(f"closed {flow}")
                case FlowReceived(flow, data):
                    self.log.append(f"received {flow} {data!r}")
                case FlowFailed(flow, error):
                    self.errors.append(error)
                    self.log.append(f"failed {flow}")

    def open(self, flow: int = 1) -> None:
        self.run(self.flows[flow].socket_opened(self.flows[flow].attempt, self.now))

    def receive(self, data: str | bytes, flow: int = 1) -> None:
        self.run(self.flows[flow].socket_message(self.flows[flow].attempt, data, self.now))

    def lose(self, flow: int = 1, code: int = 1006, reason: str = "") -> None:
        self.run(self.flows[flow].socket_closed(self.flows[flow].attempt, code, reason, self.now))

    def write(self, text: str, flow: int = 1) -> None:
        self.run(self.flows.obey(WriteOnFlow(flow, text), self.now))

    def wait(self, seconds: float) -> None:
        """Let time pass, with a tick at each deadline."""
        end = self.now + seconds
        for _ in range(1000):
            due = self.flows.deadline()
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            self.run(self.flows.tick(self.now))
        else:
            raise AssertionError("it never comes to rest")
        self.now = end

    def told(self) -> list[str]:
        """What happened since the last look, but pings that were answered."""
        log, self.log = self.log, []
        return [line for line in log if not line.startswith("ping")]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_connection_opens_and_what_comes_is_handed_on(bench: Bench):
    bench.open()
    bench.receive("SIP/2.0 200 OK")
    bench.receive(b"\r\nBYE")

    assert bench.told() == [f"dial 1 {A}", f"opened 1 {A}", "received 1 'SIP/2.0 200 OK'", "received 1 b'\\r\\nBYE'"]
    assert bench.flow.is_open


def test_a_message_goes_out_only_where_a_connection_is_open(bench: Bench):
    bench.write("early")
    bench.open()
    bench.write("now")
    bench.lose()
    bench.write("late")

    assert [line for line in bench.told() if line.startswith("write")] == ["write 1 now"]


@pytest.mark.parametrize("ping", [PING, PING.encode()])
def test_a_ping_of_the_edge_is_answered(bench: Bench, ping):
    bench.open()
    bench.told()
    bench.receive(ping)

    assert bench.told() == ["pong 1"]


@pytest.mark.parametrize("line_ends", ["", "\r\n", b"\r\n", "\n", "\r\n" * 3])
def test_line_ends_are_no_message(bench: Bench, line_ends):
    bench.open()
    bench.told()
    bench.receive(line_ends)

    assert bench.told() == []


@pytest.mark.parametrize(("chance", "share"), [(0.0, 0.8), (1.0, 1.0)])
def test_pings_come_as_often_as_the_edge_asks_for(chance, share):
    bench = Bench(chance=chance)
    bench.open()
    bench.wait(FIRST_PING_S)
    bench.run(bench.flows.obey(KeepAlive(1, 20.0), bench.now))
    bench.log.clear()
    bench.wait(20 * share - 0.1)
    before = bench.log.count("ping 1")
    bench.wait(0.2)

    assert (before, bench.log.count("ping 1")) == (0, 1)


def test_an_edge_that_asks_for_nothing_is_pinged_all_the_same(bench: Bench):
    bench.open()
    bench.wait(10 * FLOW_TIMER_S)

    assert bench.log.count("ping 1") >= 10
    assert bench.flow.is_open


def test_an_edge_that_no_longer_answers_pings_is_dead(bench: Bench):
    bench.open()
    bench.wait(FIRST_PING_S)
    bench.ponging = False
    bench.told()
    bench.wait(FLOW_TIMER_S + PONG_S)

    assert bench.told()[:4] == ["failed 1", "close 1", "closed 1", f"dial 1 {A}"]
    assert bench.errors[0]["message"] == f"{A} does not answer any more"


def test_a_dead_edge_is_noticed_within_seconds_of_being_needed(bench: Bench):
    bench.open()
    bench.wait(FIRST_PING_S + 1)
    bench.ponging = False
    bench.write("INVITE")
    bench.wait(UNANSWERED_S + UNANSWERED_PONG_S - 0.1)
    was_open = bench.flow.is_open
    bench.wait(0.2)

    assert (was_open, bench.flow.is_open) == (True, False)


def test_an_answer_to_a_message_is_a_sign_of_life(bench: Bench):
    bench.open()
    bench.wait(FIRST_PING_S + 1)
    bench.log.clear()
    bench.write("INVITE")
    bench.wait(UNANSWERED_S / 2)
    bench.receive("SIP/2.0 100 Trying")
    bench.wait(UNANSWERED_S)

    assert "ping 1" not in bench.log


def test_an_edge_that_does_not_know_pings_is_not_dead(bench: Bench):
    bench.ponging = False
    bench.open()
    bench.write("INVITE")
    bench.wait(20 * FLOW_TIMER_S)

    assert bench.flow.is_open


def test_an_edge_that_asks_for_pings_has_to_answer_them(bench: Bench):
    bench.ponging = False
    bench.open()
    bench.run(bench.flows.obey(KeepAlive(1, 30.0), bench.now))
    bench.wait(30.0 + PONG_S)

    assert not bench.flow.is_open


def test_the_next_edge_is_tried_first_and_almost_at_once():
    bench = Bench(A, B, C)
    bench.open(1), bench.open(2)
    bench.told()
    bench.lose(1)
    bench.wait(NEXT_EDGE_S[1])

    assert bench.told() == ["failed 1", "close 1", "closed 1", f"dial 1 {C}"]


def test_when_every_edge_has_failed_the_waits_grow_to_a_limit():
    bench = Bench(A, chance=1.0)
    waits = []
    for _ in range(12):
        bench.lose()
        began = bench.now
        due = bench.flows.deadline()
        assert due is not None
        bench.wait(due - began)
        waits.append(round(due - began, 3))

    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert max(waits) == waits[-1] == 40.0


def test_the_waits_are_drawn_so_that_boxes_do_not_come_all_at_once():
    chance = random.Random(1)
    waits = set()
    for _ in range(20):
        flow = Flow(1, EdgeList([A]), random=chance.random)
        flow.open(0.0)
        flow.socket_closed(flow.attempt, 1006, "", 0.0)
        waits.add(flow.deadline())

    assert len(waits) > 15
    assert all(wait is not None and 0.5 <= wait <= 1.0 for wait in waits)


def test_a_connection_that_lasted_begins_with_short_waits_again():
    bench = Bench(A)
    for _ in range(6):
        bench.lose()
        bench.wait((bench.flows.deadline() or 0) - bench.now)
    bench.open()
    bench.wait(LASTING_S + 1)
    bench.lose()

    assert (bench.flows.deadline() or 0) - bench.now == pytest.approx(0.5)


def test_an_edge_that_takes_each_connection_and_ends_it_is_left_alone_longer_each_time():
    bench = Bench(A)
    for _ in range(6):
        bench.open()
        bench.lose(code=1000)
        bench.wait((bench.flows.deadline() or 0) - bench.now)
    bench.lose()

    assert (bench.flows.deadline() or 0) - bench.now > 10


def test_an_edge_that_does_not_answer_is_given_five_seconds():
    bench = Bench(A, B, C)
    bench.told()
    bench.wait(CONNECT_S + NEXT_EDGE_S[1])

    assert f"dial 1 {C}" in bench.told()
    assert bench.errors[0]["message"] == f"{A} did not answer within 5 s"


def test_the_look_up_of_a_name_has_a_time_of_its_own(bench: Bench):
    bench.run(bench.flow.socket_resolving(1, bench.now))
    bench.wait(LOOKUP_S)
    bench.run(bench.flow.socket_resolved(1, bench.now))
    bench.wait(CONNECT_S - HAIR_S)
    assert bench.flow.state == "connecting"
    bench.wait(2 * HAIR_S)

    assert bench.flow.state == "waiting"


@pytest.mark.parametrize("reason", ["the certificate of a is not trusted", "a refused the WebSocket: no subprotocol"])
def test_the_reason_for_which_a_socket_could_not_be_opened_is_carried(bench: Bench, reason):
    bench.run(bench.flow.socket_failed(1, reason))
    bench.lose()

    assert bench.errors == [{"code": 31000, "message": reason, "twilioError": bench.errors[0]["twilioError"]}]
    bench.wait(60)
    bench.lose()
    assert bench.errors[1]["message"] != reason


def test_a_socket_that_could_not_be_made_is_tried_again(bench: Bench):
    bench.run(bench.flow.dial_failed(1, "cannot read ca.pem", bench.now))
    bench.wait(2)

    assert bench.told() == [f"dial 1 {A}", "failed 1", "close 1", "closed 1", f"dial 1 {A}"]


def test_a_message_that_could_not_be_written_ends_the_connection(bench: Bench):
    bench.open()
    bench.told()
    bench.run(bench.flow.write_failed(WriteText(1, 1, "BYE"), "broken pipe", bench.now))

    assert bench.told() == ["failed 1", "close 1", "closed 1"]


def test_what_a_socket_says_that_was_dropped_means_nothing(bench: Bench):
    bench.lose()
    bench.wait(2)
    bench.open()
    bench.told()
    flow = bench.flow
    for old in (0, 1):
        bench.run([*flow.socket_opened(old, 1.0), *flow.socket_message(old, "x", 1.0), *flow.socket_failed(old, "x"),
                   *flow.socket_closed(old, 1006, "", 1.0), *flow.dial_failed(old, "x", 1.0),
                   *flow.socket_resolving(old, 1.0), *flow.socket_resolved(old, 1.0),
                   *flow.write_failed(WriteText(1, old, "x"), "", 1.0)])  # fmt: skip

    assert bench.told() == []
    assert flow.is_open


def test_an_edge_can_be_left_for_the_next_one():
    bench = Bench(A, B, C)
    bench.open(1)
    bench.told()
    bench.run(bench.flows.obey(LeaveEdge(1, "503"), bench.now))
    bench.wait(1)

    assert bench.told()[:3] == ["close 1", "closed 1", f"dial 1 {C}"]
    assert not bench.flow.leave("again", bench.now) or bench.flow.state == "waiting"


def test_a_closed_flow_stays_closed(bench: Bench):
    bench.open()
    bench.told()
    bench.run(bench.flows.obey(CloseFlows(), bench.now))
    bench.run(bench.flows.obey(CloseFlows(), bench.now))
    bench.run(bench.flows.network_changed(bench.now, lambda _: False))
    bench.run(bench.flow.leave("x", bench.now))
    bench.wait(100)

    assert bench.told() == ["close 1", "closed 1"]
    assert bench.flows.deadline() is None
    bench.run(bench.flows.obey(OpenFlows(), bench.now))
    bench.run(bench.flows.obey(OpenFlows(), bench.now))
    assert bench.told() == [f"dial 1 {A}"]


def test_after_a_change_of_network_a_connection_is_made_anew_at_once():
    bench = Bench(A, chance=1.0)
    for _ in range(5):
        bench.lose()
        bench.wait(60)
    bench.lose()
    bench.told()
    bench.run(bench.flows.network_changed(bench.now, lambda _: False))
    assert bench.told() == [f"dial 1 {A}"]
    bench.run(bench.flows.network_changed(bench.now, lambda _: False))
    assert bench.told() == []  # the same change
    bench.open()
    bench.told()
    bench.now += 1
    bench.run(bench.flows.network_changed(bench.now, lambda _: False))
    assert bench.told() == ["close 1", "closed 1", f"dial 1 {A}"]
    bench.lose()
    assert (bench.flows.deadline() or 0) - bench.now == pytest.approx(1.0)


def test_a_connection_that_seems_unharmed_is_asked_whether_it_is(bench: Bench):
    bench.open()
    bench.wait(FIRST_PING_S + 1)
    bench.ponging = False
    bench.log.clear()
    bench.run(bench.flows.network_changed(bench.now, lambda _: True))
    assert bench.log == ["ping 1"]
    bench.wait(UNANSWERED_PONG_S)

    assert not bench.flow.is_open


# Two of them


def test_two_edges_have_a_flow_each_and_the_rest_waits():
    assert Bench(A, B).told() == [f"dial 1 {A}", f"dial 2 {B}"]
    assert Bench(A, B, C).told() == [f"dial 1 {A}", f"dial 2 {B}"]
    assert Bench(A, A).told() == [f"dial 1 {A}"]


def test_one_that_is_lost_leaves_the_other_alone_and_comes_back_by_itself():
    bench = Bench(A, B)
    bench.open(1), bench.open(2)
    bench.wait(LASTING_S + 1)
    bench.told()
    bench.lose(1)
    assert bench.flows.open_numbers == (2,)
    assert bench.flows.uri == B
    bench.wait(0.6)

    assert bench.told() == ["failed 1", "close 1", "closed 1", f"dial 1 {A}"]


def test_when_the_last_one_is_lost_the_other_one_waits_no_longer():
    bench = Bench(A, B, chance=1.0)
    bench.open(1), bench.open(2)
    bench.wait(LASTING_S + 1)
    for _ in range(6):
        bench.lose(1)
        bench.wait((bench.flow.deadline() or 0) - bench.now)
    bench.lose(1)
    bench.told()
    bench.lose(2)

    assert bench.told() == ["failed 2", "close 2", "closed 2", f"dial 1 {A}"]


def test_any_order_of_events_keeps_two_flows_on_two_edges_and_comes_to_rest():
    chance = random.Random(5)
    for _ in range(200):
        bench = Bench(*chance.choice([(A,), (A, B), (A, B, C)]), chance=chance.random())
        bench.ponging = chance.random() < 0.7
        for _ in range(40):
            number = chance.choice(bench.flows.numbers)
            act = chance.randrange(9)
            if act == 0:
                bench.open(number)
            elif act == 1:
                bench.lose(number, chance.choice([1000, 1006]))
            elif act == 2:
                bench.wait(chance.choice([0.1, 3.0, 40.0]))
            elif act == 3:
                bench.write("x", number)
            elif act == 4:
                bench.receive(chance.choice(["x", PONG, PING]), number)
            elif act == 5:
                bench.run(bench.flows.network_changed(bench.now, lambda _: chance.random() < 0.5))
            elif act == 6:
                bench.run(bench.flows.obey(LeaveEdge(number, "x"), bench.now))
            elif act == 7:
                bench.run(bench.flows.obey(KeepAlive(number, chance.choice([None, 0.0, 30.0, 1e9])), bench.now))
            elif chance.random() < 0.1:
                bench.run(bench.flows.obey(chance.choice([OpenFlows(), CloseFlows()]), bench.now))
            assert len({flow.uri for flow in bench.flows}) == len(bench.flows.numbers)
            for flow in bench.flows:
                assert (flow.deadline() is None) == (flow.state == "closed")
