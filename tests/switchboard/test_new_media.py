"""A process that was killed in a call, and its successor: sound both ways again, and the other side hears a pause."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.media.bridge import Bridge, warm_up
from agent.switchboard.runner import RunningSwitchboard, start_switchboard
from agent.switchboard.settings import SwitchboardSettings
from bench.resumption import kill_at_random, pair
from bench.rig.resumer import Resumer, until


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with Bridge() as bridge:
        warm_up()
        yield bridge


@pytest.fixture
def switchboard(bridge: Bridge, tmp_path: Path) -> Iterator[RunningSwitchboard]:
    with start_switchboard(bridge, SwitchboardSettings(listen_port=0, state_dir=str(tmp_path))) as switchboard:
        yield switchboard


@pytest.fixture
def alice(bridge: Bridge, switchboard: RunningSwitchboard) -> Iterator[Resumer]:
    with closing(Resumer(bridge, switchboard, "alice", 440)) as alice:
        yield alice


@pytest.fixture
def bob(bridge: Bridge, switchboard: RunningSwitchboard) -> Iterator[Resumer]:
    with closing(Resumer(bridge, switchboard, "bob", 1000)) as bob:
        bob.until_told("ready")
        yield bob


def talk(alice: Resumer, bob: Resumer) -> None:
    alice.dial("bob")
    until(lambda: alice.hears(1000), "bob's tone")
    until(lambda: bob.hears(440), "alice's tone")


def test_sound_flows_both_ways_again_whoever_was_killed_and_the_other_side_keeps_its_session(
    alice: Resumer, bob: Resumer
) -> None:
    talk(alice, bob)
    for one, other, hz in ((bob, alice, 1000), (alice, bob, 440), (bob, alice, 1000)):
        until(lambda other=other: other.session.connection_state == "connected", "the news that it is connected")
        states: list[str] = []
        other.session.on("connection_state", states.append)
        description, told = other.session.local_sdp, len(other.told)
        one.die()
        until(lambda other=other: not other.hears(1000) and not other.hears(440), "silence")
        one.rise()
        until(lambda one=one, hz=hz: one.hears(1440 - hz), "the other's tone")
        until(lambda other=other, hz=hz: other.hears(hz), "the tone of the one that came back")
        assert (states, other.session.local_sdp, len(other.told)) == ([], description, told)
    alice.hang_up()
    bob.until_told("hangup")


def test_the_media_of_a_process_that_was_succeeded_is_ended(alice: Resumer, bob: Resumer) -> None:
    talk(alice, bob)
    wedged, its_sound = bob.session, bob.sound
    bob.rise()
    until(lambda: bob.hears(440), "alice's tone at the new process")
    until(lambda: wedged.dtls_state == "closed", "an end of the old media")
    assert alice.session.connection_state == "connected" and not alice.has_been_told("hangup")
    wedged.close()
    its_sound.close()


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_at_any_moment_ends_the_call_for_both_or_for_nobody(
    bridge: Bridge, switchboard: RunningSwitchboard, seed: int
) -> None:
    dice = random.Random(seed)
    clients = pair(bridge, switchboard)
    assert kill_at_random(dice, *dice.sample(clients, 2)) in ("heard again", "heard late", "ended for both")
    for client in clients:
        client.close()
