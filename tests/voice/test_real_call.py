"""A Device with its real neighbours: our switchboard over TLS, real media, a sound device made of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import numpy as np
import pytest
from gevent import socket

from agent import Connection, Device
from agent.media.bridge import Bridge
from agent.switchboard.runner import RunningSwitchboard, start_switchboard
from agent.switchboard.settings import SwitchboardSettings
from hw.sound.wav_sound import WavSound

PATIENCE_S = 30.0
LOUD = 500
A_SECOND = 50  # frames


def tone(hz: float) -> bytes:
    """One second of sound."""
    return (8_000 * np.sin(2 * np.pi * hz * np.arange(48_000) / 48_000)).astype(np.int16).tobytes()


def until(condition: Callable[[], bool]) -> None:
    with gevent.Timeout(PATIENCE_S):
        while not condition():
            gevent.sleep(0.01)


class Phone:
    """A registered Device that talks without pause and counts the frames that it hears."""

    def __init__(self, switchboard: RunningSwitchboard, bridge: Bridge, identity: str, **options: Any) -> None:
        self.heard = self.silent = 0  # frames with sound; frames without it since the last of those
        self.incoming: list[Connection] = []
        self._sound = WavSound(tone(440), self._played, loop=True)
        self.device = Device()
        self.device.on("incoming", self.incoming.append)
        address = switchboard.address
        self.device.setup(switchboard.mint(identity), chunderw=address.server, ca_file=str(address.ca_file),
                          bridge=bridge, sound=self._sound, **options)  # fmt: skip
        until(lambda: self.device.status() == "ready")

    def calls(self, identity: str) -> Connection:
        call = self.device.connect({"To": identity})
        until(lambda: call.status() == "open")
        return call

    def until_hears(self) -> None:
        before = self.heard
        until(lambda: self.heard > before + 10)

    def until_hears_nothing(self) -> None:
        until(lambda: self.silent > A_SECOND)

    def close(self) -> None:
        self.device.destroy()
        self._sound.close()

    def _played(self, frame: bytes) -> None:
        if np.abs(np.frombuffer(frame, np.int16)).max() > LOUD:
            self.heard += 1
            self.silent = 0
        else:
            self.silent += 1


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    bridge = Bridge()
    yield bridge
    bridge.close()


@pytest.fixture(scope="module")
def switchboard(bridge: Bridge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSwitchboard]:
    folder = tmp_path_factory.mktemp("switchboard")
    running = start_switchboard(bridge, SwitchboardSettings(listen_port=0, state_dir=str(folder)))
    yield running
    running.close()


@pytest.fixture
def phone(switchboard: RunningSwitchboard, bridge: Bridge) -> Iterator[Callable[..., Phone]]:
    made: list[Phone] = []

    def make(identity: str, **options: Any) -> Phone:
        made.append(Phone(switchboard, bridge, identity, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_two_devices_talk(phone: Callable[..., Phone]) -> None:
    alice, bob = phone("alice"), phone("bob")

    call = alice.device.connect({"To": "bob", "note": "hello there"})
    until(lambda: bool(bob.incoming))
    bob.incoming[0].accept()
    alice.until_hears()
    bob.until_hears()

    assert bob.incoming[0].custom_parameters["note"] == "hello there"
    assert (call.status(), bob.incoming[0].status()) == ("open", "open")
    call.disconnect()
    until(lambda: bob.incoming[0].status() == "closed")


def test_media_of_both_ends_is_told_which_address_signaling_uses(
    phone: Callable[..., Phone], switchboard: RunningSwitchboard
) -> None:
    alice, bob = phone("alice"), phone("bob")
    call = alice.device.connect({"To": "bob"})
    until(lambda: bool(bob.incoming))
    bob.incoming[0].accept()
    alice.until_hears()

    legs: Any = switchboard.switchboard._executor._media
    sessions = [call.media_stream, bob.incoming[0].media_stream]

    assert [session._core.likely_address for session in sessions] == ["127.0.0.1"] * 2
    until(lambda: len(legs) == 2)
    assert [leg._peer._ice.likely_address for leg in legs.values()] == ["127.0.0.1"] * 2


@pytest.mark.parametrize("codec", ["opus", "pcmu"])
def test_samples_tell_codec_and_volume(phone: Callable[..., Phone], codec: str) -> None:
    alice = phone("alice", codec_preferences=[codec])
    samples: list[dict[str, Any]] = []
    volumes: list[tuple[float, float]] = []

    call = alice.calls("echo")
    call.on("sample", samples.append)
    call.on("volume", lambda *levels: volumes.append(levels))
    until(lambda: len(samples) >= 3)

    assert samples[-1]["codecName"].lower() == codec == str(call.codec).lower()
    assert samples[-1]["bytesReceived"] > 0
    assert samples[-1]["audioInputLevel"] > 0
    assert volumes[-1][0] > 0


def test_a_muted_call_sends_silence(phone: Callable[..., Phone]) -> None:
    alice = phone("alice")
    call = alice.calls("echo")
    alice.until_hears()

    call.mute()
    alice.until_hears_nothing()
    call.mute(False)

    alice.until_hears()


def test_digits_come_back_from_the_echo(phone: Callable[..., Phone]) -> None:
    alice = phone("alice")
    call = alice.calls("echo")
    digits: list[str] = []
    call.on("digit", digits.append)
    alice.until_hears()

    call.send_digits("12w#*")

    until(lambda: len(digits) == 4)
    assert digits == ["1", "2", "#", "*"]


def test_a_severed_path_is_found_again(phone: Callable[..., Phone]) -> None:
    alice = phone("alice", enable_ice_restart=True, media={"disconnected_after_ms": 500})
    call = alice.calls("echo")
    told: list[str] = []
    for name in ("reconnecting", "reconnected"):
        call.on(name, lambda *_args, name=name: told.append(name))
    alice.until_hears()

    call.media_stream.sever()
    until(lambda: told == ["reconnecting", "reconnected"])

    alice.until_hears()
    assert call.status() == "open"


def replace_engine(switchboard: RunningSwitchboard, bridge: Bridge) -> None:
    """Kill what carries the media of the only leg, without a word, and let something new answer the next restart."""

    executor: Any = switchboard.switchboard._executor
    until(lambda: len(executor._media) == 1)  # that of the test before may have its end on its way

    async def replace() -> None:
        (leg,) = executor._media.values()
        before = leg._peer
        before.sever()
        before._timer.cancel()
        leg._make_peer(leg._spoken).rtp.on_rtp = before.rtp.on_rtp

    bridge.run(replace(), PATIENCE_S)


@pytest.mark.parametrize("kills", [1, 2])
def test_a_call_goes_on_when_its_media_engine_is_killed(
    phone: Callable[..., Phone], switchboard: RunningSwitchboard, bridge: Bridge, kills: int
) -> None:
    alice = phone("alice", enable_ice_restart=True, media={"disconnected_after_ms": 500})
    call = alice.calls("echo")
    told: list[str] = []
    for name in ("reconnecting", "reconnected", "error", "disconnect"):
        call.on(name, lambda *_args, name=name: told.append(name))

    for kill in range(1, kills + 1):
        alice.until_hears()
        replace_engine(switchboard, bridge)
        until(lambda kill=kill: told == ["reconnecting", "reconnected"] * kill)  # type: ignore[misc]

    alice.until_hears()
    assert call.status() == "open"


def test_the_call_goes_on_without_its_socket(phone: Callable[..., Phone]) -> None:
    alice = phone("alice")
    call = alice.calls("echo")
    lost: list[str] = []
    call.on("transportClose", lambda: lost.append("socket"))
    stream: Any = alice.device.stream
    stream._socket._sock.shutdown(2)

    until(lambda: bool(lost) and alice.device.stream is not None and alice.device.stream.status == "ready")

    assert call.status() == "open"
    alice.until_hears()


def test_what_is_heard_can_be_recorded_and_what_is_said_replaced(phone: Callable[..., Phone], tmp_path: Path) -> None:
    alice = phone("alice")
    call = alice.calls("echo")
    alice.until_hears()

    recorder = call.get_remote_stream().record(tmp_path / "heard.wav")
    frames = [call.get_remote_stream().read(timeout_s=PATIENCE_S) for _ in range(10)]
    call.get_local_stream().write(bytes(1920))
    recorder.close()

    assert [len(frame) for frame in frames] == [1920] * 10
    assert (tmp_path / "heard.wav").stat().st_size > 10_000


def test_a_refused_call_tells_why(phone: Callable[..., Phone]) -> None:
    alice = phone("alice")
    errors: list[Any] = []

    call = alice.device.connect({"To": "busy"})
    call.on("error", errors.append)
    until(lambda: call.status() == "closed")

    assert [error.code for error in errors] == [31486]


@pytest.fixture
def service(switchboard: RunningSwitchboard, bridge: Bridge) -> dict[str, Any]:
    """The options that lead a Device to the switchboard."""
    address = switchboard.address
    return {"chunderw": address.server, "ca_file": str(address.ca_file), "bridge": bridge}


def test_without_a_sound_device_a_program_speaks_and_hears_by_the_streams(
    switchboard: RunningSwitchboard, service: dict[str, Any]
) -> None:
    second = tone(440)
    with Device(switchboard.mint("alice"), service) as alice:
        until(lambda: alice.status() == "ready")
        call = alice.connect({"To": "echo"})
        until(lambda: call.get_remote_stream() is not None)
        heard: list[bytes] = []

        with gevent.Timeout(PATIENCE_S):
            while not any(np.abs(np.frombuffer(frame, np.int16)).max() > LOUD for frame in heard):
                call.get_local_stream().write(second[:1920])
                heard.append(call.get_remote_stream().read(timeout_s=PATIENCE_S))

    assert call.status() == "closed"


def test_a_device_at_the_end_of_its_with_has_told_the_far_side(
    phone: Callable[..., Phone], switchboard: RunningSwitchboard, service: dict[str, Any]
) -> None:
    bob = phone("bob")
    with pytest.raises(ZeroDivisionError), Device(switchboard.mint("alice"), service) as alice:
        until(lambda: alice.status() == "ready")
        call = alice.connect({"To": "bob"})
        until(lambda: bool(bob.incoming))
        bob.incoming[0].accept()
        until(lambda: call.status() == "open" and bob.incoming[0].status() == "open")
        raise ZeroDivisionError

    until(lambda: bob.incoming[0].status() == "closed")


def lose_socket(device: Device) -> None:
    """Break the connection off, as a network does."""
    stream: Any = device.stream
    stream._socket._sock.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("whose", ["alice", "bob"])
def test_a_call_outlives_the_socket_of_either_end(phone: Callable[..., Phone], whose: str) -> None:
    phones = {"alice": phone("alice"), "bob": phone("bob")}
    calls = [phones["alice"].device.connect({"To": "bob"})]
    until(lambda: bool(phones["bob"].incoming))
    calls.append(phones["bob"].incoming[0])
    calls[1].accept()
    for each in phones.values():
        each.until_hears()
    told: list[str] = []
    call = calls[whose == "bob"]
    for name in ("reconnecting", "reconnected", "disconnect"):
        call.on(name, lambda *args, name=name: told.append(name))

    lose_socket(phones[whose].device)
    until(lambda: "reconnected" in told or call.status() == "closed")

    for each in phones.values():
        each.until_hears()
    assert told == ["reconnecting", "reconnected"]
    assert [each.status() for each in calls] == ["open", "open"]
    calls[0].disconnect()
    until(lambda: calls[1].status() == "closed")


def test_the_far_side_hears_of_a_hang_up_that_found_no_socket(phone: Callable[..., Phone]) -> None:
    alice, bob = phone("alice"), phone("bob")
    call = alice.device.connect({"To": "bob"})
    until(lambda: bool(bob.incoming))
    bob.incoming[0].accept()
    alice.until_hears()

    lose_socket(alice.device)
    until(lambda: call.status() == "reconnecting")
    call.disconnect()

    until(lambda: bob.incoming[0].status() == "closed")
    assert call.status() == "closed"
