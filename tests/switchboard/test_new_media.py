"""A process that was killed in a call, and its successor: sound both ways again, and the other side hears a pause."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.media.bridge import Bridge, warm_up
from agent.switchboard.runner import RunningSwitchboard, start_switchboard
from agent.switchboard.settings import SwitchboardSettings
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


def test_sound_flows_both_ways_again_whoever_was_killed_and_the_other_side_keeps_its_session(
    bridge: Bridge, switchboard: RunningSwitchboard
) -> None:
    alice, bob = Resumer(bridge, switchboard, "alice", 440), Resumer(bridge, switchboard, "bob", 1000)
    alice.dial(bob)
    for one, other, hz in ((bob, alice, 1000), (alice, bob, 440), (bob, alice, 1000)):
        states: list[str] = []
        other.session.on("connection_state", states.append)
        description = other.session.local_sdp
        one.die()
        one.come_back(other)
        until(lambda one=one, hz=hz: one.hears(1440 - hz), "the other's tone")
        until(lambda other=other, hz=hz: other.hears(hz), "the tone of the one that came back")
        assert (states, other.session.local_sdp) == ([], description)
    alice.say("hangup", callsid=alice.callsid)
    assert bob.expect("hangup") == {"callsid": bob.callsid}
    alice.close()
    bob.close()


def test_the_media_of_a_process_that_was_succeeded_is_ended(bridge: Bridge, switchboard: RunningSwitchboard) -> None:
    alice, bob = Resumer(bridge, switchboard, "alice", 440), Resumer(bridge, switchboard, "bob", 1000)
    alice.dial(bob)
    wedged, its_sound = bob.session, bob.sound
    bob.come_back_beside(alice)
    until(lambda: bob.hears(440), "the caller's tone at the new process")
    until(lambda: wedged.dtls_state == "closed", "an end of the old media")
    wedged.close()
    its_sound.close()
    assert alice.session.connection_state == "connected"
    alice.close()
    bob.close()
