"""One flow's registration on a clock that the test moves: grants, refusals, rests, and no loop among them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.signaling.sip.account import SipAccount
from agent.signaling.sip.effects import (
    InstanceShared,
    KeepAlive,
    LeaveEdge,
    RegistrationEnded,
    RegistrationGranted,
    RegistrationRefused,
    SendRegister,
)
from agent.signaling.sip.header_values import read_address
from agent.signaling.sip.headers import SipHeaders
from agent.signaling.sip.message import SipRequest, SipResponse, parse_message, write_message
from agent.signaling.sip.registration import ANSWER_S, LEAST_REFRESH_S, MOST_BRIEF, SipRegistration
from agent.signaling.sip.rests import EDGE_REST_S, REFUSAL_REST_S
from agent.signaling.sip.writer import MessageWriter

A, B = "wss://a.example/", "wss://b.example/"
INSTANCE = "c44932bb-f1bc-45ae-afcd-0f0b0a1b1836"
GRUU = f"sip:kiosk@pbx.example;gr=urn:uuid:{INSTANCE}"
CHALLENGE = ("WWW-Authenticate", 'Digest realm="pbx.example", nonce="n1", qop="auth"')
Lines = tuple[tuple[str, str], ...]


class Registrar:
    """The far end, played by the test; `sent` and `told` are what the registration asked for."""

    def __init__(self, *edges: str, chance: float = 0.0, flow: int = 1) -> None:
        self.now = 100.0
        account = SipAccount(edges or (A,), "kiosk", "pbx.example", "secret", expires_s=300, instance=INSTANCE)
        self.core = SipRegistration(flow, MessageWriter(account), random=lambda: chance)
        self.sent: list[SipRequest] = []
        self.asked: list[SipRequest] = []  # what is bound; answered at once, without a word to the test
        self.binding: Lines = ()
        self.told: list[Any] = []

    def run(self, effects: Iterable[Any]) -> None:
        for effect in effects:
            if isinstance(effect, SendRegister):
                parse_message(write_message(effect.request))
                if "Contact" not in effect.request.headers:
                    self.asked.append(effect.request)
                    self.answer(200, *self.binding, to=effect.request)
                else:
                    self.sent.append(effect.request)
            else:
                self.told.append(effect)

    def begin(self, uri: str = A) -> None:
        self.run(self.core.want(True, self.now))
        self.run(self.core.flow_opened(uri, self.now))

    def move(self, uri: str) -> None:
        """Lose the connection and open another one."""
        self.run(self.core.flow_closed())
        self.run(self.core.flow_opened(uri, self.now))

    def answer(self, status: int, *lines: tuple[str, str], phrase: str = "No", to: SipRequest | None = None) -> None:
        echoed = (to or self.sent[-1]).headers.only("Via", "From", "To", "Call-ID", "CSeq")
        message = write_message(SipResponse(status, phrase, SipHeaders((*echoed.lines, *lines))))
        response = parse_message(message)
        assert isinstance(response, SipResponse)
        self.run(self.core.answered(response, self.now))

    def grant(self, expires_s: int = 300, *lines: tuple[str, str]) -> None:
        contact = read_address(self.sent[-1].headers.first("Contact") or "")
        value = f'<{contact.uri}>;expires={expires_s};pub-gruu="{GRUU}";reg-id={self.core.flow}'
        other = '<sip:kiosk@other.example>;expires=7;pub-gruu="sip:x"'
        self.binding = (("Contact", other), ("Contact", value))
        self.answer(200, ("Contact", other), ("Contact", value), *lines)

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        for _ in range(1000):
            due = self.core.deadline()
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            self.run(self.core.tick(self.now))
        else:
            raise AssertionError("it never comes to rest")
        self.now = end

    def count(self) -> int:
        count = len(self.sent)
        self.sent.clear()
        return count

    def news(self) -> list[Any]:
        """What it told since the last look."""
        told, self.told = self.told, []
        return told


@pytest.fixture
def registrar() -> Registrar:
    return Registrar()


def test_a_registration_says_who_and_where_the_box_is(registrar: Registrar):
    registrar.begin()
    (request,) = registrar.sent
    contact = request.contacts[0]

    assert (request.method, request.uri) == ("REGISTER", "sip:pbx.example")
    assert (request.to.uri, request.from_.uri) == ("sip:kiosk@pbx.example", "sip:kiosk@pbx.example")
    assert contact.uri.startswith("sip:kiosk@flow1.")
    assert contact.uri.endswith(".invalid;transport=ws")
    assert dict(contact.params) == {"reg-id": "1", "+sip.instance": f"<urn:uuid:{INSTANCE}>", "expires": "300"}
    assert request.headers.options("Supported") == {"path", "outbound", "gruu"}


def test_two_flows_have_two_contacts_of_one_instance():
    one, two = Registrar(), Registrar(flow=2)
    one.begin(), two.begin()
    contacts = [registrar.sent[0].contacts[0] for registrar in (one, two)]

    assert contacts[0].uri != contacts[1].uri
    assert [contact.params.get("reg-id") for contact in contacts] == ["1", "2"]
    assert len({contact.params.get("+sip.instance") for contact in contacts}) == 1


def test_a_challenge_is_answered_and_the_grant_is_told(registrar: Registrar):
    registrar.begin()
    registrar.answer(401, CHALLENGE)
    first, second = registrar.sent
    registrar.grant(60, ("Flow-Timer", "30"), ("Require", "outbound"))

    assert (second.call_id, second.cseq.number) == (first.call_id, first.cseq.number + 1)
    assert second.via[0].branch != first.via[0].branch
    assert "Authorization" in second.headers
    granted, ping = registrar.news()
    assert isinstance(granted, RegistrationGranted) and ping == KeepAlive(1, 30.0)
    assert (granted.granted_s, granted.gruu, granted.flow_timer_s, len(granted.phones)) == (60.0, GRUU, 30.0, 2)
    assert registrar.core.is_registered


@pytest.mark.parametrize(("chance", "share"), [(0.0, 0.75), (1.0, 0.8)])
def test_it_is_refreshed_before_it_ends(chance, share):
    registrar = Registrar(chance=chance)
    registrar.begin()
    registrar.answer(401, CHALLENGE)
    registrar.grant(200)
    registrar.count()
    registrar.wait(200 * share - 1)
    assert registrar.count() == 0
    registrar.wait(1)

    (request,) = registrar.sent
    assert len(registrar.asked) == 1
    assert "nc=00000003" in (request.headers.first("Authorization") or "")  # the answer goes along
    registrar.grant(200)
    assert registrar.core.is_registered


def rival(host: str = "flow1.other.invalid", instance: str = INSTANCE, flow: int = 1) -> tuple[str, str]:
    """The contact of another box."""
    return "Contact", f'<sip:kiosk@{host};transport=ws>;reg-id={flow};+sip.instance="<urn:uuid:{instance}>";expires=99'


def test_a_box_whose_place_another_one_takes_again_and_again_tells_so_once(registrar: Registrar):
    registrar.begin()
    for _ in range(4):
        registrar.grant(300)
        registrar.binding = (rival(),)  # has registered meanwhile
        registrar.wait(230)

    assert [told for told in registrar.news() if isinstance(told, InstanceShared)] == [InstanceShared(1)]
    assert len(registrar.asked) == 4  # as long as it is so


@pytest.mark.parametrize(
    "bound", [(), (rival(instance=INSTANCE[:-1] + "0"),), (rival(flow=2),), (("Contact", "<sip:kiosk@other.example>"),)]
)
def test_other_phones_and_a_registrar_that_does_not_say_are_no_rivals_and_it_is_asked_once(
    registrar: Registrar, bound: Lines
):
    registrar.begin()
    for _ in range(4):
        registrar.grant(300)
        registrar.binding = bound
        registrar.wait(230)

    assert not any(isinstance(told, InstanceShared) for told in registrar.news())
    assert len(registrar.asked) == 1


def test_what_the_process_before_left_is_seen_once_and_not_told(registrar: Registrar):
    registrar.begin()
    registrar.grant(300)
    registrar.binding = (rival(),)
    registrar.wait(230)
    registrar.grant(300)  # which takes its place for good
    registrar.wait(230)
    registrar.grant(300)
    registrar.wait(230)

    assert not any(isinstance(told, InstanceShared) for told in registrar.news())
    assert len(registrar.asked) == 2


def test_a_registrar_that_refuses_to_say_is_registered_with_all_the_same():
    registrar = Registrar()
    registrar.begin()
    registrar.grant(300)
    answer, refused = registrar.answer, []
    registrar.answer = lambda status, *lines, to=None, **more: (  # type: ignore[method-assign]
        refused.append(to), answer(400, to=to)) if to else answer(status, *lines, **more)  # fmt: skip
    registrar.count()
    registrar.wait(230)

    assert len(refused) == 1 and len(registrar.sent) == 1
    registrar.grant(300)
    assert registrar.core.is_registered


@pytest.mark.parametrize(
    ("lines", "granted_s"),
    [
        ((), 300.0),
        ((("Expires", "120"),), 120.0),
        ((("Contact", f'<sip:kiosk@nat.example>;expires=90;+sip.instance="<urn:uuid:{INSTANCE.upper()}>"'),), 90.0),
        ((("Contact", f'<sip:kiosk@x>;expires=90;+sip.instance="<urn:uuid:{INSTANCE}>";reg-id=2'),), 300.0),
        ((("Contact", "<sip:kiosk@other.example>;expires=90"), ("Expires", "soon")), 300.0),
    ],
)
def test_what_was_granted_is_found_among_the_bindings_of_other_phones(registrar: Registrar, lines: Lines, granted_s):
    registrar.begin()
    registrar.answer(200, *lines)

    granted = registrar.news()[0]
    assert isinstance(granted, RegistrationGranted)
    assert (granted.granted_s, granted.gruu, granted.flow_timer_s) == (granted_s, None, None)
    assert len(granted.phones) == sum(name == "Contact" for name, _ in lines)


@pytest.mark.parametrize("gruu", ["sip:a@b> <sip:c@d", "nonsense", "", "sip:a b@c"])
def test_a_gruu_that_is_no_uri_is_none(registrar: Registrar, gruu):
    registrar.begin()
    contact = read_address(registrar.sent[-1].headers.first("Contact") or "")
    registrar.answer(200, ("Contact", f'<{contact.uri}>;expires=60;pub-gruu="{gruu}"'))

    assert registrar.news()[0].gruu is None


def test_a_grant_of_almost_no_time_is_not_asked_for_all_the_time(registrar: Registrar):
    registrar.begin()
    for _ in range(5):
        registrar.grant(1)
        began = registrar.now
        registrar.wait((registrar.core.deadline() or 0) - began)
        assert registrar.now - began >= LEAST_REFRESH_S


def test_a_grant_for_no_time_is_a_refusal(registrar: Registrar):
    registrar.begin()
    registrar.grant(0)

    assert registrar.news() == [RegistrationRefused(1, 200, "it was granted for no time")]
    assert not registrar.core.is_registered


def test_a_registrar_that_wants_more_time_gets_it(registrar: Registrar):
    registrar.begin()
    registrar.answer(423, ("Min-Expires", "900"))

    assert registrar.sent[-1].contacts[0].params.get("expires") == "900"
    registrar.grant(900)
    assert registrar.core.is_registered


@pytest.mark.parametrize("least_s", ["300", "x", "4000000000", None])
def test_a_registrar_that_wants_more_time_and_does_not_say_how_much_refuses(registrar: Registrar, least_s):
    registrar.begin()
    registrar.answer(423, *([("Min-Expires", least_s)] if least_s else []))

    assert (len(registrar.sent), registrar.news()) == (1, [RegistrationRefused(1, 423, "No")])


def test_a_registrar_that_always_wants_more_time_is_left_alone(registrar: Registrar):
    registrar.begin()
    for least_s in range(400, 420):
        registrar.answer(423, ("Min-Expires", str(least_s)))

    assert len(registrar.sent) == 1 + MOST_BRIEF


def test_a_first_hop_without_outbound_is_asked_plainly(registrar: Registrar):
    registrar.begin()
    registrar.answer(439)
    request = registrar.sent[-1]

    assert "reg-id" not in request.contacts[0].params
    assert "outbound" not in request.headers.options("Supported")
    registrar.answer(439)
    assert len(registrar.sent) == 2


def test_a_wrong_secret_is_told_once_and_tried_again_slowly():
    registrar = Registrar(A, B, chance=0.0)
    registrar.begin()
    times = []
    for _ in range(6):
        registrar.answer(401, CHALLENGE)
        registrar.answer(401, ("WWW-Authenticate", 'Digest realm="pbx.example", nonce="n2", qop="auth"'))
        began = registrar.now
        registrar.count()
        registrar.move(B)  # another connection, and a program that insists, change nothing
        registrar.run(registrar.core.want(True, registrar.now))
        assert registrar.count() == 0
        registrar.wait((registrar.core.deadline() or 0) - began)
        times.append(registrar.now - began)
        assert len(registrar.sent) == 1

    refused = registrar.news()
    assert [type(effect) for effect in refused] == [RegistrationRefused]
    assert refused[0].status == 401
    assert "check user and secret" in refused[0].reason
    assert times[0] == pytest.approx(REFUSAL_REST_S[0] / 2)
    assert times == sorted(times)
    assert min(times) >= 60
    assert times[-1] == pytest.approx(REFUSAL_REST_S[1] / 2)


@pytest.mark.parametrize("status", [403, 404, 410, 302, 600, 603, 420])
def test_a_refusal_rests_for_a_minute_or_more_and_leaves_the_edge_alone(status):
    registrar = Registrar(A, B)
    registrar.begin()
    registrar.answer(status)

    assert registrar.news() == [RegistrationRefused(1, status, "No")]
    registrar.wait(59)
    assert len(registrar.sent) == 1
    registrar.wait(2)
    assert len(registrar.sent) == 2


def test_another_refusal_is_told_too_and_so_is_one_after_a_grant(registrar: Registrar):
    registrar.begin()
    for status in (403, 404, 404):
        registrar.answer(status)
        registrar.wait((registrar.core.deadline() or 0) - registrar.now)
    registrar.grant()
    registrar.wait(300 * 0.75)
    registrar.answer(404)

    assert [told.status for told in registrar.news() if isinstance(told, RegistrationRefused)] == [403, 404, 404]


def test_a_stale_nonce_is_answered_at_once(registrar: Registrar):
    registrar.begin()
    registrar.answer(401, CHALLENGE)
    registrar.answer(401, ("WWW-Authenticate", 'Digest realm="pbx.example", nonce="n2", qop="auth", stale=true'))

    assert 'nonce="n2"' in (registrar.sent[-1].headers.first("Authorization") or "")
    assert registrar.news() == []


def test_a_new_nonce_at_a_refresh_says_nothing_about_the_secret(registrar: Registrar):
    registrar.begin()
    registrar.answer(401, CHALLENGE)
    registrar.grant()
    registrar.wait(300 * 0.75)
    registrar.answer(401, ("WWW-Authenticate", 'Digest realm="pbx.example", nonce="n2", qop="auth"'))
    registrar.grant()

    assert registrar.core.is_registered
    assert not [told for told in registrar.news() if isinstance(told, RegistrationRefused)]


@pytest.mark.parametrize("status", [500, 503, 504])
def test_an_edge_that_fails_is_left_for_the_next_one_which_is_asked_at_once(status):
    registrar = Registrar(A, B)
    registrar.begin(A)
    registrar.answer(status, ("Retry-After", "900"))

    assert registrar.news() == [RegistrationRefused(1, status, "No"), LeaveEdge(1, f"registering: {status} No")]
    registrar.count()
    registrar.move(B)
    assert registrar.count() == 1


def test_the_only_edge_is_asked_again_later_over_the_same_connection(registrar: Registrar):
    registrar.begin()
    registrar.answer(503)

    assert [type(told) for told in registrar.news()] == [RegistrationRefused]
    registrar.wait(EDGE_REST_S[0] / 2)
    assert len(registrar.sent) == 2


def test_an_edge_that_does_not_answer_is_left(registrar: Registrar):
    registrar.begin()
    registrar.wait(ANSWER_S)

    assert registrar.news() == [
        RegistrationRefused(1, 408, "no answer within 10 s"), LeaveEdge(1, "registering: 408 no answer within 10 s"),
    ]  # fmt: skip


def test_what_an_edge_asks_for_is_kept_to_and_for_an_hour_at_most(registrar: Registrar):
    registrar.begin()
    registrar.answer(503, ("Retry-After", "120 (maintenance)"))
    registrar.wait(119)
    assert len(registrar.sent) == 1
    registrar.wait(15)
    assert len(registrar.sent) == 2
    registrar.answer(503, ("Retry-After", "4000000000"))
    assert 3600 <= (registrar.core.deadline() or 0) - registrar.now <= 4000


def test_edges_that_all_fail_are_asked_more_and_more_seldom():
    registrar = Registrar(A, B, chance=0.5)
    registrar.begin(A)
    times = []
    for step in range(40):
        registrar.answer(503)
        registrar.move((B, A)[step % 2])
        began = registrar.now
        registrar.wait(max(0.0, (registrar.core.deadline() or 0) - began - ANSWER_S * bool(registrar.core._pending)))
        times.append(registrar.now - began)

    assert sum(times[:4]) < 60
    assert sum(times[-10:]) > 300


def test_what_is_said_again_and_again_changes_nothing(registrar: Registrar):
    registrar.begin()
    for _ in range(5):
        registrar.run(registrar.core.want(True, registrar.now))
    registrar.grant()
    for _ in range(5):
        registrar.run(registrar.core.want(True, registrar.now))

    assert len(registrar.sent) == 1


def test_a_box_signs_off_in_one_go(registrar: Registrar):
    registrar.begin()
    registrar.answer(401, CHALLENGE)
    registrar.grant()
    registrar.news()
    registrar.run(registrar.core.want(False, registrar.now))
    request = registrar.sent[-1]

    assert (request.contacts[0].params.get("expires"), request.headers.first("Expires")) == ("0", "0")
    assert "Authorization" in request.headers
    registrar.answer(200)
    assert registrar.news() == [RegistrationEnded(1)]
    assert (registrar.core.is_registered, registrar.core.deadline()) == (False, None)


@pytest.mark.parametrize("end", [lambda far: far.answer(500), lambda far: far.wait(ANSWER_S), lambda far: far.move(A),
                                 lambda far: (far.answer(401, CHALLENGE), far.answer(401, CHALLENGE))])  # fmt: skip
def test_signing_off_ends_however_it_goes(registrar: Registrar, end):
    registrar.begin()
    registrar.grant()
    registrar.news()
    registrar.run(registrar.core.want(False, registrar.now))
    end(registrar)

    assert registrar.news() == [RegistrationEnded(1)]
    assert registrar.core.deadline() is None


def test_there_may_be_nothing_to_sign_off(registrar: Registrar):
    registrar.run(registrar.core.want(False, registrar.now))

    assert (registrar.news(), registrar.sent) == ([RegistrationEnded(1)], [])


def test_a_change_of_mind_waits_for_the_answer_under_way(registrar: Registrar):
    registrar.begin()
    registrar.run(registrar.core.want(False, registrar.now))
    assert len(registrar.sent) == 1
    registrar.grant()
    assert registrar.sent[-1].headers.first("Expires") == "0"
    registrar.run(registrar.core.want(True, registrar.now))
    assert len(registrar.sent) == 2
    registrar.answer(200)
    assert registrar.sent[-1].headers.first("Expires") == "300"


def test_a_new_connection_registers_again_and_refuses_old_answers(registrar: Registrar):
    registrar.begin()
    old = registrar.sent[-1]
    registrar.move(A)
    new = registrar.sent[-1]
    late = SipResponse(200, "OK", old.headers)
    registrar.run(registrar.core.answered(late, registrar.now))
    registrar.run(registrar.core.answered(SipResponse(200, "OK"), registrar.now))
    registrar.run(registrar.core.answered(SipResponse(100, "Trying", new.headers), registrar.now))

    assert (old.call_id, old.cseq.number + 1) == (new.call_id, new.cseq.number)
    assert registrar.news() == []
    registrar.grant()
    assert registrar.core.is_registered


STEPS = st.lists(
    st.sampled_from(["want", "leave", "open", "open b", "lost", "wait", "wait long"])
    | st.tuples(st.sampled_from([200, 401, 407, 403, 404, 423, 439, 408, 500, 503, 603]),
                st.sampled_from([(), (CHALLENGE,), (("Proxy-Authenticate", CHALLENGE[1]),), (("Retry-After", "30"),),
                                 (("Min-Expires", "400"),), (("Expires", "0"),), (("Contact", "*"),)])),
    max_size=60,
)  # fmt: skip


@settings(deadline=None)
@given(STEPS, st.integers(0, 9))
def test_no_order_of_answers_and_losses_makes_a_storm(steps, seed):
    registrar = Registrar(A, B)
    registrar.core = SipRegistration(1, registrar.core._writer, random=random.Random(seed).random)
    allowed = 3
    for step in steps:
        if isinstance(step, tuple):
            status, lines = step
            allowed += 1
            if registrar.sent:
                registrar.answer(status, *lines)
        elif step.startswith("open"):
            allowed += 1
            registrar.run(registrar.core.flow_opened(B if step == "open b" else A, registrar.now))
        elif step == "lost":
            registrar.run(registrar.core.flow_closed())
        elif step.startswith("wait"):
            seconds = 1.0 if step == "wait" else 100.0
            allowed += 2 + int(seconds / LEAST_REFRESH_S)
            registrar.wait(seconds)
        else:
            allowed += 2
            registrar.run(registrar.core.want(step == "want", registrar.now))
        assert len(registrar.sent) <= allowed
        assert [request.cseq.number for request in registrar.sent] == list(range(1, len(registrar.sent) + 1))
