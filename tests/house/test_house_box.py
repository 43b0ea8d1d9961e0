"""A whole box with what the house hears of it: a real switchboard, a real broker, virtual pins, real programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket

from agent.config import DoorSection
from agent.config.directory import DirectoryEntry
from agent.errors import InvalidStateError
from agent.house.hooks.settings import HookSettings
from agent.house.metrics.settings import MetricsSettings
from agent.house.mqtt import payloads
from agent.house.mqtt.settings import MqttSettings
from agent.kiosk.house_box import KioskHouseBox
from hw.panel.settings import RelaySettings
from tests.house.stage import Broker, Neighbour, needs_mosquitto
from tests.house.test_metrics import ask, figures
from tests.kiosk.stage import BOX, DOOR_PIN, Site, button

ROOT = f"kiosk-agent/{BOX}"
PROJECT = Path(__file__).parents[2]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


@needs_mosquitto
def test_the_house_follows_a_visit_and_opens_the_door(
    site: Site, broker: Broker, neighbours: Callable[..., Neighbour]
) -> None:
    broker.start()
    house = neighbours()
    mqtt = MqttSettings(host="127.0.0.1", port=broker.port, may_open_door=True)
    door = DoorSection(pin=DOOR_PIN, open_ms=2_000)  # changes that come faster than the house is told are told as one
    box = site.box(site.config(mqtt=mqtt, door=door))
    inside = site.phone()

    def state() -> dict[str, Any]:
        return dict(json.loads(house.last(f"{ROOT}/state") or "{}"))

    house.until(lambda: state().get("service") == "ready", "saw it ready")
    box.press("call")
    house.until_hears(f"{ROOT}/bell")
    assert json.loads(house.last(f"{ROOT}/bell")) == {"event_type": "ring", "button": "call", "to": "visitor"}

    inside.until_told("incoming")
    inside.call.accept()
    house.until(lambda: state()["line"] == "in_call" and state()["peer"] == "visitor", "saw the call")
    house.say(f"{ROOT}/do/door/door", "UNLOCK")
    house.until_told(f"{ROOT}/door/door UNLOCKED")  # for a moment
    house.until_hears(f"{ROOT}/door/door", "LOCKED")
    house.say(f"{ROOT}/do/hang_up", "")
    house.until(lambda: state()["line"] == "idle", "saw its end")
    house.until(lambda: json.loads(house.last(f"{ROOT}/event"))["event_type"] == "hung_up", "heard of its end")

    house.say(f"{ROOT}/do/do_not_disturb", "ON")
    house.say(f"{ROOT}/do/volume", "40")
    house.until(lambda: state()["do_not_disturb"] and state()["volume_percent"] == 40, "saw both")
    box.kiosk.stop()
    house.until_hears(f"{ROOT}/availability", "offline")


@needs_mosquitto
def test_a_broker_that_stands_still_delays_no_call_and_one_that_refuses_shows_at_the_lights(
    site: Site, broker: Broker, tmp_path: Path
) -> None:
    users = tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(users), "box", "right"], check=True)
    users.chmod(0o644)
    broker.configure(f"password_file {users}")
    broker.start()
    settings = MqttSettings(host="127.0.0.1", port=broker.port, user="box", password="wrong")
    box = site.box(site.config(mqtt=settings))
    box.until_shows("error")
    assert "refuses user 'box'" in box.status["troubles"]["mqtt"]

    broker.pause()
    visitor = site.phone()
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    box.until_shows("in_call")
    broker.go_on()


def test_hooks_and_figures_follow_a_visit(site: Site, tmp_path: Path) -> None:
    told = tmp_path / "told"
    os.mkfifo(told)
    descriptor = os.open(told, os.O_RDWR | os.O_NONBLOCK)
    command = ("sh", "-c", f'echo "$KIOSK_EVENT $KIOSK_BUTTON $KIOSK_FROM $KIOSK_OUTCOME" > {told}')
    hooks = {"all": HookSettings(on=("ring", "incoming", "answered", "hung_up", "door"), command=command)}
    box = site.box(site.config(hooks=hooks, metrics=MetricsSettings(listen="127.0.0.1:0")))
    metrics = box.kiosk.house.metrics
    assert metrics is not None and metrics.served.wait(30)
    heard = ""

    def until_heard(what: str) -> None:
        nonlocal heard
        with gevent.Timeout(30, AssertionError(f"never heard {what}, but {heard}")):
            while what not in heard:
                socket.wait_read(descriptor)
                heard += os.read(descriptor, 4096).decode()

    visitor = site.phone()
    visitor.dial()
    until_heard("incoming  client:visitor")
    box.press("accept")
    until_heard("answered")
    box.until(lambda: (box.status["call"] or {}).get("mos"), "had figures of the call")
    during = figures(ask(metrics.port)[1])
    box.press("door")
    until_heard("door")
    box.press("hangup")
    until_heard("hung_up   answered")

    assert during["kiosk_line_state", "in_call"] == 1 and during["kiosk_call_mos", ""] > 1
    found = figures(ask(metrics.port)[1])
    assert found["kiosk_calls_total", "incoming answered"] == 1
    assert found["kiosk_events_total", "door"] == 1
    assert found["kiosk_part_up", "hooks"] == 1
    os.close(descriptor)


def test_a_press_that_answers_is_no_ring_and_one_that_calls_is(site: Site) -> None:
    box = site.box(site.config(hooks={"never": HookSettings(on=("door_refused",), command=("true",))}))
    heard: list[tuple[str, Any]] = []
    KioskHouseBox(box.kiosk).listen(lambda happening: heard.append(tuple(happening)), lambda: None)
    visitor = site.phone()
    visitor.dial()
    box.until_shows("ringing")

    box.press("call")
    box.until_shows("in_call")
    box.press("hangup")
    box.until_calm()
    box.press("call")
    box.until_shows("dialling")

    assert [name for name, _ in heard] == ["incoming", "answered", "hung_up", "ring", "call"]
    assert heard[3][1] == {"button": "call", "to": "visitor"}


def test_who_of_several_has_answered_is_told_to_the_house(site: Site) -> None:
    entries = {"porter": DirectoryEntry(targets=("desk", "visitor"), ring="all", ring_s=60)}
    hooks = {"never": HookSettings(on=("door_refused",), command=("true",))}
    box = site.box(site.config(hooks=hooks, directory=entries, buttons={"bell": button(2, short="bell:porter")}))
    heard: dict[str, Any] = {}
    KioskHouseBox(box.kiosk).listen(lambda happening: heard.update({happening.name: happening.details}), lambda: None)
    desk, visitor = site.phone("desk"), site.phone("visitor")
    box.press("bell")
    desk.until_told("incoming client:box")
    visitor.until_told("incoming client:box")
    visitor.call.accept()
    box.until_shows("in_call")
    state = json.loads(payloads.state(box.status))
    box.press("bell")
    box.until_calm()

    assert heard["answered"] == {"direction": "outgoing", "peer": "desk,visitor", "answered_by": "visitor"}
    assert (heard["hung_up"]["answered_by"], heard["hung_up"]["outcome"]) == ("visitor", "answered")
    assert (state["peer"], state["answered_by"]) == ("desk,visitor", "visitor")


def test_a_call_that_is_placed_again_after_its_socket_was_lost_is_one_call_for_the_house(site: Site) -> None:
    box = site.box(site.config())
    visitor = site.phone()
    heard: list[str] = []
    KioskHouseBox(box.kiosk).listen(lambda happening: heard.append(happening.name), lambda: None)

    box.press("call")
    box.until_told("ringing")
    site.cut_socket(BOX)
    box.until_told("dialling", 2)
    visitor.answer_all()
    box.until_shows("in_call")
    box.press("call")  # it is on: that is no call
    box.kiosk.attendant.hang_up()
    box.until_calm()
    box.press("call")
    box.until_told("dialling", 3)

    told = [name for name in heard if name in ("ring", "call", "answered", "hung_up")]
    assert told == ["ring", "call", "answered", "hung_up", "ring", "call"]


def test_a_visitor_rings_once_however_many_are_called_and_a_call_of_the_house_is_no_ring(site: Site) -> None:
    entries = {"porter": DirectoryEntry(targets=("nobody", "visitor"), ring="in_turn", ring_s=5, label="The porter",
                                        number="12")}  # fmt: skip
    keys = {"one": button(2, short="digit:1"), "two": button(3, short="digit:2"),
            "porter": button(4, short="call:porter"), "end": button(5, short="hang_up")}  # fmt: skip
    box = site.box(site.config(directory=entries, buttons=keys))
    heard: list[tuple[str, Any]] = []
    house = KioskHouseBox(box.kiosk)
    house.listen(lambda happening: heard.append(tuple(happening)), lambda: None)
    site.phone()

    def rings() -> list[Any]:
        return [details for name, details in heard if name == "ring"]

    def calls() -> int:
        return sum(name == "call" for name, _ in heard)

    box.press("porter")
    box.until(lambda: calls() == 2, "called both in turn")
    assert rings() == [{"button": "porter", "to": "The porter"}]
    box.press("end")
    box.until_calm()
    box.act("one")
    box.act("two")
    box.until(lambda: len(rings()) == 2, "rung by number")
    box.until_shows("dialling")
    box.press("end")
    box.until_calm()
    house.call("porter")
    box.until_shows("dialling")

    assert len(rings()) == 2


def test_each_door_is_opened_by_mqtt_only_as_its_settings_say_and_who_opened_is_told(site: Site) -> None:
    doors = {"gate": RelaySettings(pin=27, open_ms=200),
             "vault": RelaySettings(pin=25, open_ms=200, opened_by=("button",))}  # fmt: skip
    box = site.box(site.config(doors=doors, lights={}))
    heard: list[tuple[str, Any]] = []
    house = KioskHouseBox(box.kiosk)
    house.listen(lambda happening: heard.append(tuple(happening)), lambda: None)

    house.open_door("gate", "mqtt")
    box.until(lambda: len(heard) == 2, "opened and shut the gate")
    house.open_door("door", "mqtt")
    box.until(lambda: len(heard) == 4, "opened and shut the door")
    with pytest.raises(InvalidStateError, match="may not open this door"):
        house.open_door("vault", "mqtt")

    assert set(house.openable()) == {"door", "gate"} and set(house.doors()) == {"door", "gate", "vault"}
    assert heard == [("door", {"door": "gate", "by": "mqtt"}), ("door_closed", {"door": "gate"}),
                     ("door", {"door": "door", "by": "mqtt"}), ("door_closed", {"door": "door"})]  # fmt: skip


def test_a_box_that_is_asked_for_nothing_loads_nothing_and_has_no_such_parts(site: Site) -> None:
    script = (
        "import sys, agent.kiosk.kiosk, agent.config\n"
        "print([m for m in sys.modules if m.startswith(('paho', 'prometheus_client', 'agent.house.'))\n"
        "       and not m.endswith(('settings', 'happenings', 'box', '.mqtt', '.hooks', '.metrics'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PROJECT)
    box = site.box()

    assert done.stdout == "[]\n"
    assert not {"mqtt", "hooks", "metrics"} & box.kiosk.supervisor.status().keys()
