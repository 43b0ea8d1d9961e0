"""A call outlives its socket: lost, moved and refused ones, over real sockets (spec: signaling 11, recovery 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .service import SID, Phone, Service, until


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture
def service(certificates: Path) -> Iterator[Service]:
    service = Service(certificates)
    yield service
    service.close()


@pytest.fixture
def make_phone(service: Service) -> Iterator[Callable[..., Phone]]:
    made: list[Phone] = []

    def make(*args: Any, **options: Any) -> Phone:
        made.append(Phone(service, *args, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def phone(make_phone: Callable[..., Phone]) -> Phone:
    return make_phone()


def test_a_call_goes_on_over_a_lost_socket(service: Service, phone: Phone) -> None:
    call = phone.calls()

    service.socket.abort()
    until(lambda: "reconnected" in phone.told)

    assert phone.told == ["accept", "transportClose", "reconnecting 53001", "reconnected"]
    assert service.types(1) == ["listen", "reconnect", "register"]
    asked = service.frames("invite")[-1]["payload"]
    assert (asked["callsid"], asked["reconnect"], asked["sdp"]) == (SID, "RT1", "own offer 1")
    assert call.status() == "open" and not phone.session.closed
    assert phone.publisher.named("connection")[-2:] == ["reconnecting", "reconnected"]


def test_each_loss_is_asked_with_the_latest_token(service: Service, phone: Phone) -> None:
    phone.calls()

    for times in (1, 2, 3):
        service.socket.abort()
        until(lambda times=times: phone.told.count("reconnected") == times)

    asked = [frame["payload"].get("reconnect") for frame in service.frames("invite")]
    assert asked == [None, "RT1", "RT2", "RT3"]


def test_a_call_goes_on_when_the_socket_is_refused_for_a_while(service: Service, phone: Phone) -> None:
    call = phone.calls()

    service.refused = 3
    service.socket.abort()
    until(lambda: "reconnected" in phone.told)

    assert phone.told.count("transportClose") == 4  # each try that fails is told, as in the SDK
    assert call.status() == "open"


def test_a_call_moves_to_another_edge(service: Service, make_phone: Callable[..., Phone]) -> None:
    phone = make_phone((0, 1))
    call = phone.calls()
    assert phone.device.edge == "edge0"

    service.refused = 1  # there
    service.socket.abort()
    until(lambda: "reconnected" in phone.told)

    assert call.status() == "open"
    assert service.socket.host != service.sockets[0].host
    assert phone.device.edge == "edge1"


def test_a_call_without_a_token_ends_with_its_socket(service: Service, phone: Phone) -> None:
    service.gives_tokens = False
    call = phone.calls()

    service.socket.abort()
    until(lambda: phone.device.state == "registered" and len(service.sockets) == 2)

    assert phone.told == ["accept", "transportClose", "disconnect"]
    assert call.status() == "closed" and phone.session.closed and not phone.device.is_busy
    assert service.types(1) == ["listen", "register"]


def test_a_hang_up_that_found_no_socket_is_said_later_and_the_call_does_not_come_back(
    service: Service, phone: Phone
) -> None:
    call = phone.calls()
    service.refused = 2
    service.socket.abort()
    until(lambda: call.status() == "reconnecting")

    call.disconnect()
    assert call.status() == "closed" and phone.session.closed
    until(lambda: service.frames("hangup"))
    until(lambda: phone.device.state == "registered")

    assert service.types(1) == ["listen", "reconnect", "hangup", "register"]
    assert service.frames("hangup")[0]["payload"] == {"callsid": SID}
    assert "reconnected" not in phone.told and call.status() == "closed"


def test_the_answer_to_a_farewell_is_not_taken_for_that_of_the_next_call(service: Service, phone: Phone) -> None:
    first = phone.calls()
    service.refused = 1
    service.socket.abort()
    until(lambda: first.status() == "reconnecting")
    first.disconnect()
    service.takes_back = service.takes_calls = False
    until(lambda: service.frames("hangup"))
    second = phone.device.connect({"To": "carol"})
    until(lambda: len(service.frames("invite")) == 3)

    service.answer()  # to the first
    service.say("ringing", callsid="CAsecond")
    until(lambda: second.status() == "ringing")

    assert first.status() == "closed" and second.parameters["CallSid"] == "CAsecond"


def test_a_call_whose_media_is_lost_at_the_same_time_comes_back_when_both_are_there(
    service: Service, phone: Phone
) -> None:
    call = phone.calls()
    phone.session.path("failed")
    until(lambda: service.frames("reinvite"))
    service.socket.abort()
    until(lambda: len(service.frames("invite")) == 2)
    until(lambda: len(service.frames("reinvite")) == 2)  # the offer that may have been lost is made again

    assert call.status() == "reconnecting" and "reconnected" not in phone.told
    service.answer()
    phone.session.path("connected")
    until(lambda: call.status() == "open")

    assert [each for each in phone.told if each.startswith("reconn")] == [
        "reconnecting 53405", "reconnecting 53001", "reconnected"
    ]  # fmt: skip


def test_media_that_is_back_before_signaling_leaves_the_call_reconnecting(service: Service, phone: Phone) -> None:
    call = phone.calls()
    service.takes_back = False
    phone.session.path("failed")
    until(lambda: call.status() == "reconnecting")
    service.socket.abort()
    until(lambda: len(service.frames("invite")) == 2)

    phone.session.path("connected")
    assert call.status() == "reconnecting" and "reconnected" not in phone.told
    service.answer()
    until(lambda: call.status() == "open")

    assert phone.told.count("reconnected") == 1


def test_a_service_that_refuses_the_call_ends_it(service: Service, phone: Phone) -> None:
    call = phone.calls()
    service.takes_back = False
    service.socket.abort()
    until(lambda: len(service.frames("invite")) == 2)

    service.say("hangup", callsid=SID)
    until(lambda: call.status() == "closed")

    assert phone.told[-1] == "disconnect"


def test_a_call_that_does_not_come_back_in_its_time_is_given_up(
    service: Service, make_phone: Callable[..., Phone]
) -> None:
    phone = make_phone(max_call_signaling_timeout_ms=400)
    call = phone.calls()
    assert service.frames("listen")[0]["payload"]["reconnectTimeout"] == 1

    service.refused = 30
    service.socket.abort()
    until(lambda: call.status() == "closed")
    service.refused = 0

    assert phone.told[-2:] == ["disconnect", "error 53001"]
    until(lambda: service.frames("hangup"))
    assert service.types(1)[:3] == ["listen", "reconnect", "hangup"]


def test_a_new_token_of_the_device_asks_for_its_calls_too(service: Service, phone: Phone) -> None:
    call = phone.calls()

    phone.device.update_token("d.e.f")
    until(lambda: len(service.frames("invite")) == 2)
    until(lambda: not call.inbox.waits_for_answer)

    assert phone.told == ["accept"] and call.status() == "open"


def test_a_call_that_is_made_first_opens_the_socket(service: Service, make_phone: Callable[..., Phone]) -> None:
    phone = make_phone(no_register=True)
    assert phone.device.stream is None and not service.sockets

    phone.calls()

    assert service.types(0) == ["listen", "invite"]
    assert phone.device.state == "unregistered"
    assert phone.publisher.events[0][3]["region"] == "US_EAST_VIRGINIA"  # reported when the service was reached


def test_a_call_that_nobody_can_carry_is_given_up(service: Service, make_phone: Callable[..., Phone]) -> None:
    phone = make_phone(no_register=True)
    call = phone.device.connect({"To": "bob"})
    told: list[Any] = []
    call.on("error", told.append)

    phone.device._host.contact.fail()  # the time is over

    assert call.status() == "closed" and told[0].twilio_error.code == 53001 and not phone.sessions


def test_a_socket_is_opened_when_it_is_asked_for(service: Service, make_phone: Callable[..., Phone]) -> None:
    phone = make_phone(no_register=True)

    phone.device.open()
    until(lambda: phone.device.identity)

    assert service.types(0) == ["listen"] and phone.device.identity == "alice"
