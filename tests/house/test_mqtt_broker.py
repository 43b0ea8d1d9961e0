"""The box at a real broker: what the house hears, what it may ask, and what a broker that fails does to nobody."""

from __future__ import annotations

import json
import select
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import gevent
import pytest
from paho.mqtt.client import topic_matches_sub

from agent.house.mqtt import bell, link
from agent.house.mqtt.paho_client import MOST_PACKET_BYTES
from agent.log import SeldomLog
from tests.house.conftest import Join
from tests.house.stage import Broker, Neighbour, PlayedBox, needs_mosquitto

pytestmark = needs_mosquitto
ROOT = "kiosk-agent/gate"
Meet = Callable[..., Neighbour]
VERSIONS = pytest.mark.parametrize("version", ["5", "3.1.1"])


@VERSIONS
def test_the_house_sees_the_box_hears_it_ring_and_learns_when_it_is_gone(
    version: str, broker: Broker, neighbours: Meet, played: PlayedBox, join: Join
) -> None:
    broker.start()
    house = neighbours()

    part = join(version=version)
    house.until_hears(f"{ROOT}/availability", "online")
    house.until_hears(f"{ROOT}/door/door", "LOCKED")
    assert json.loads(house.last(f"{ROOT}/state"))["volume_percent"] == 60
    house.until_hears("homeassistant/event/gate/bell/config")

    played.happens("ring", button="bell", to="reception")
    house.until_hears(f"{ROOT}/bell")
    assert json.loads(house.last(f"{ROOT}/bell")) == {"event_type": "ring", "button": "bell", "to": "reception"}
    assert not [retained for topic, _, retained in house.messages if topic == f"{ROOT}/bell" and retained]

    played.become(volume_percent=30)
    house.until(lambda: json.loads(house.last(f"{ROOT}/state"))["volume_percent"] == 30, "heard of the volume")
    part.close()
    house.until_hears(f"{ROOT}/availability", "offline")


@VERSIONS
def test_the_house_asks_and_the_box_does_what_it_is_asked(
    version: str, broker: Broker, neighbours: Meet, played: PlayedBox, join: Join
) -> None:
    broker.start()
    house = neighbours()
    join(version=version, may_open_door=True)
    played.until_told("trouble")  # is over: the broker listens to it

    for command, payload in [("press", "bell"), ("volume", "35"), ("do_not_disturb", "on"), ("call", "porter"),
                             ("hang_up", ""), ("door/door", "UNLOCK"), ("press", "exit")]:  # fmt: skip
        house.say(f"{ROOT}/do/{command}", payload)
    played.until_told("asked press exit")

    assert played.asked == [("press", "bell"), ("volume", 35), ("do_not_disturb", True), ("call", "porter"),
                            ("hang_up",), ("door", "door"), ("press", "exit")]  # fmt: skip


@VERSIONS
def test_a_door_stays_shut_unless_the_settings_allow_it_and_so_does_one_behind_a_button(
    version: str, broker: Broker, neighbours: Meet, played: PlayedBox, join: Join
) -> None:
    broker.start()
    house = neighbours()
    join(version=version)
    played.until_told("trouble")

    house.say(f"{ROOT}/do/door/door", "UNLOCK")
    house.say(f"{ROOT}/do/press", "exit")
    house.say(f"{ROOT}/do/volume", "1")
    played.until_told("asked volume")

    assert played.asked == [("volume", 1)]


def test_a_door_that_its_own_settings_keep_from_mqtt_stays_shut_and_so_does_a_button_before_it(
    broker: Broker, neighbours: Meet, played: PlayedBox, join: Join
) -> None:
    played.open["vault"] = False
    broker.start()
    house = neighbours()
    join(may_open_door=True)
    played.until_told("trouble")

    house.say(f"{ROOT}/do/door/vault", "UNLOCK")
    house.say(f"{ROOT}/do/press", "exit")
    house.say(f"{ROOT}/do/door/door", "UNLOCK")
    played.until_told("asked door")

    assert played.asked == [("door", "door")]


@VERSIONS
def test_what_was_retained_is_no_command(
    version: str, broker: Broker, neighbours: Meet, played: PlayedBox, join: Join
) -> None:
    broker.start()
    house = neighbours()
    house.say(f"{ROOT}/do/door/door", "UNLOCK", retain=True)
    house.say(f"{ROOT}/do/press", "bell", retain=True)
    house.until_hears(f"{ROOT}/do/press")

    join(version=version, may_open_door=True)
    played.until_told("trouble")
    house.say(f"{ROOT}/do/volume", "1")
    played.until_told("asked volume")

    assert played.asked == [("volume", 1)]


def test_messages_that_are_no_commands_do_nothing_and_the_next_one_is_heard(
    broker: Broker, neighbours: Meet, played: PlayedBox, join: Join
) -> None:
    broker.start()
    house = neighbours()
    join()
    played.until_told("trouble")

    for command, payload in [("", "x"), ("volume", "1e3"), ("volume", "٣"), ("press", b"\xff\x00"), ("call", ""),
                             ("call", "a\nb"), ("a/b/c", ""), ("do_not_disturb", "maybe"), ("volume", b"9" * 9000),
                             ("door/../x", "UNLOCK"), ("press", b"x" * (2 * MOST_PACKET_BYTES))]:  # fmt: skip
        house.say(f"{ROOT}/do/{command}", payload)
    house.say(f"{ROOT}/do/volume", "1")
    played.until_told("asked volume")

    assert played.asked == [("volume", 1)]
    assert not any(played.troubles)


def test_a_message_too_long_for_an_old_broker_to_hold_back_ends_the_connection_and_is_not_read(
    broker: Broker, neighbours: Meet, played: PlayedBox, join: Join
) -> None:
    broker.start()
    house = neighbours()
    join(version="3.1.1")
    played.until_told("trouble")

    house.say(f"{ROOT}/do/press", b"x" * (2 * MOST_PACKET_BYTES))

    played.until(lambda: any("it sends a packet of 32" in why for why in played.troubles), "told of the packet")
    played.until(lambda: played.troubles[-1] == "", "connected again")
    house.say(f"{ROOT}/do/volume", "1")
    played.until_told("asked volume")


def test_a_flood_of_commands_is_taken_at_a_bounded_rate(
    broker: Broker, neighbours: Meet, played: PlayedBox, join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    SeldomLog._since.clear()
    broker.start()
    house = neighbours()
    join()
    played.until_told("trouble")

    for _ in range(300):
        house.say(f"{ROOT}/do/volume", "7")
    house.until(lambda: len([1 for topic, _, _ in house.messages if topic.endswith("volume")]) == 300, "sent them all")
    played.until_told("asked volume", 5)

    assert len(played.asked) <= 4 * link.COMMANDS_PER_S * 5 + 20
    played.until_told("asked volume", 21)  # beyond the burst, some were dropped
    told = [record for record in caplog.records if "the rest is dropped" in record.getMessage()]
    assert len(told) == 1 and told[0].levelname == "WARNING"


@pytest.mark.parametrize("topic", ["homeassistant/lock/gate/x/config", "kiosk-agent/gate/door/x"])
def test_where_too_much_is_retained_is_said_of_each_place_that_the_box_reads(
    broker: Broker, neighbours: Meet, played: PlayedBox, join: Join, topic: str
) -> None:
    """A broker without MQTT 5 sends what is retained, however long; nobody reads of which topic it is."""
    broker.start()
    house = neighbours()
    house.say(topic, b"x" * 100_000, retain=True)
    house.until_hears(topic)

    join(version="3.1.1")

    played.until(lambda: any("take away what is retained" in why for why in played.troubles), "told of it")
    told = next(why for why in played.troubles if "take away" in why)
    assert any(topic_matches_sub(word, topic) for word in told.split() if "/" in word)
    house.say(topic, b"", retain=True)
    played.until(lambda: played.troubles[-1] == "", "over it")


def test_a_broker_that_starts_later_and_anew_has_everything_again(
    broker: Broker, neighbours: Meet, played: PlayedBox, join: Join
) -> None:
    part = join()
    played.happens("ring", button="bell", to="reception")
    played.until(lambda: any("cannot be used" in why for why in played.troubles), "told that there is no broker")

    broker.start()
    played.until(lambda: part.connected and played.troubles[-1] == "", "connected, and over the trouble")

    broker.stop()
    played.until(lambda: not part.connected, "noticed")
    broker.start()
    house = neighbours()
    house.until_hears(f"{ROOT}/availability", "online")
    house.until_hears(f"{ROOT}/state")


@VERSIONS
def test_a_wrong_password_is_named_as_such_and_the_right_one_mends_it(
    version: str, tmp_path: Path, broker: Broker, neighbours: Meet, played: PlayedBox, join: Join
) -> None:
    users = tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(users), "gate", "right"], check=True)
    users.chmod(0o644)
    broker.configure(f"password_file {users}")
    broker.start()
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")

    join(version=version, user="gate", password_file=str(secret))
    played.until(lambda: any("'gate'" in why and "password" in why for why in played.troubles), "told of the password")
    assert not any("wrong" in why for why in played.troubles)
    secret.write_text("right\n")

    neighbours(user="gate", password="right").until_hears(f"{ROOT}/availability", "online")
    played.until(lambda: played.troubles[-1] == "", "over it")


def test_a_broker_that_lets_the_box_read_nothing_is_a_trouble(
    tmp_path: Path, broker: Broker, played: PlayedBox, join: Join
) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic write nothing/#\n")
    broker.configure(f"acl_file {rules}")
    broker.start()

    join()

    played.until(lambda: any("does not" in why for why in played.troubles), "told what is not allowed")


def test_two_boxes_of_one_name_are_told_so(broker: Broker, played: PlayedBox, join: Join) -> None:
    broker.start()
    join()
    played.until_told("trouble")

    join()

    played.until(lambda: any("name, kiosk-agent-gate" in why for why in played.troubles), "told of the other one")


def test_a_broker_that_stands_still_holds_up_nothing(
    broker: Broker, neighbours: Meet, played: PlayedBox, join: Join
) -> None:
    broker.start()
    house = neighbours()
    part = join()
    house.until_hears(f"{ROOT}/availability", "online")
    broker.pause()

    for number in range(2000):
        played.happens("ring", button="bell", to="x" * 200)
        played.become(volume_percent=number % 100)
    assert part.overdue_s() == 0.0
    broker.go_on()

    house.until_hears(f"{ROOT}/bell")
    house.until(lambda: json.loads(house.last(f"{ROOT}/state"))["volume_percent"] == 99, "heard of the last volume")
    assert part.link.outbox.dropped > 0


def test_tls_is_checked_and_a_strange_certificate_named(
    tmp_path: Path, broker: Broker, neighbours: Meet, played: PlayedBox, join: Join
) -> None:
    def certificate(name: str) -> Path:
        key = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
               "-keyout", str(tmp_path / f"{name}.key"), "-out", str(tmp_path / f"{name}.pem")]  # fmt: skip
        subprocess.run(key, check=True, capture_output=True)
        return tmp_path / f"{name}.pem"

    ours, other = certificate("ours"), certificate("other")
    broker.configure(f"certfile {ours}", f"keyfile {tmp_path / 'ours.key'}")
    broker.start()

    strict = join(tls=True, ca_file=str(other))
    played.until(lambda: any("not trusted" in why and "ca_file" in why for why in played.troubles), "told of it")
    strict.close()
    join(tls=True, ca_file=str(ours))

    neighbours(ca_certs=str(ours)).until_hears(f"{ROOT}/availability", "online")


def test_a_button_that_there_is_no_longer_is_taken_away_from_home_assistant(
    broker: Broker, neighbours: Meet, played: PlayedBox, join: Join
) -> None:
    broker.start()
    house = neighbours()
    join()
    bell = "homeassistant/button/gate/press_bell/config"
    house.until_hears(bell)

    played.become(buttons=[])

    house.until(lambda: house.last(bell) == "", "heard that it is gone")


@VERSIONS
def test_what_a_box_no_longer_has_when_it_starts_anew_is_taken_away_too(
    version: str, broker: Broker, neighbours: Meet, played: PlayedBox, join: Join
) -> None:
    broker.start()
    house = neighbours()
    gone = [f"{ROOT}/door/vault", "homeassistant/button/gate/press_bell/config",
            "homeassistant/binary_sensor/gate/door_vault/config"]  # fmt: skip
    kept = {"homeassistant/sensor/gate/own/config": '{"name": "of the owner"}', f"{ROOT}/door/note": "of the owner",
            "homeassistant/sensor/gate/odd/config": "[" * 5000}  # fmt: skip
    for topic, payload in kept.items():
        house.say(topic, payload, retain=True)
    played.open["vault"] = False
    first = join(version=version)
    for topic in gone:
        house.until_hears(topic)
    first.close()
    house.until_hears(f"{ROOT}/availability", "offline")

    del played.open["vault"]
    played.facts["buttons"] = [one for one in played.facts["buttons"] if one["name"] != "bell"]
    join(version=version)

    house.until(lambda: not any(house.last(topic) for topic in gone), "heard that it is gone")
    newcomer = neighbours()
    newcomer.until_hears("homeassistant/button/gate/hang_up/config")
    newcomer.until_hears(f"{ROOT}/door/door", "LOCKED")
    assert {topic: newcomer.last(topic) for topic in kept} == kept
    assert not any(newcomer.last(topic) for topic in gone)
    assert not any(played.troubles)


def test_a_broker_that_shows_no_leftovers_or_keeps_them_is_none_the_worse(
    tmp_path: Path, broker: Broker, neighbours: Meet, played: PlayedBox, join: Join
) -> None:
    rules = tmp_path / "acl"
    rules.write_text(f"topic readwrite #\ntopic deny {ROOT}/door/vault\n"
                     "user gate\ntopic write #\ntopic read kiosk-agent/gate/do/#\n"
                     f"topic deny {ROOT}/door/vault\n")  # fmt: skip
    users = tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(users), "gate", "right"], check=True)
    users.chmod(0o644)
    broker.configure(f"acl_file {rules}", f"password_file {users}", "allow_anonymous true")
    broker.start()
    house = neighbours()
    join(user="gate", password="right")

    house.until_hears("homeassistant/button/gate/press_bell/config")
    played.until_told("trouble")  # is over: the connection holds
    house.say(f"{ROOT}/do/volume", "1")
    played.until_told("asked volume")
    assert not any(played.troubles)


class NotedPoll:
    """A poll that notes how long it is ready to wait."""

    waits_ms: ClassVar[list[float]] = []

    def __init__(self) -> None:
        self._poll = select.poll()
        self.register = self._poll.register

    def poll(self, wait_ms: float) -> list[tuple[int, int]]:
        self.waits_ms.append(wait_ms)
        return self._poll.poll(wait_ms)


def test_a_box_at_rest_is_woken_by_the_brokers_keep_alive_alone(
    broker: Broker, neighbours: Meet, played: PlayedBox, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotedPoll, "waits_ms", [])
    monkeypatch.setattr(bell, "select", SimpleNamespace(poll=NotedPoll, POLLIN=select.POLLIN, POLLOUT=select.POLLOUT))
    broker.start()
    house = neighbours()
    join()
    house.until_hears(f"{ROOT}/state")

    played.until_told("trouble")  # is over, a second after everything was published

    assert NotedPoll.waits_ms[-1] > 50_000


def test_a_thread_that_is_replaced_leaves_nothing_behind(
    broker: Broker, neighbours: Meet, played: PlayedBox, join: Join
) -> None:
    broker.start()
    part = join()
    played.until(lambda: part.connected, "connected")
    open_before = len(list(Path("/proc/self/fd").iterdir()))

    for times in range(2, 5):
        part.restart()
        played.until(lambda times=times: played.troubles.count("") >= times, "connected again")  # type: ignore[misc]
    gevent.idle()

    assert len(list(Path("/proc/self/fd").iterdir())) <= open_before + 1
