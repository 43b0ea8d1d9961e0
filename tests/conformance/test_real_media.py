"""The recorded calls again, with real media at both ends and in real time; all of them run beside each other.

With CONFORMANCE_MEDIA=real every scenario with a call is played so, else a few that show what media can do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from agent.media.bridge import Bridge

from . import compare, deviations
from .real_media import RealReplay
from .test_conformance import FILES
from .transcript import Transcript

LIMIT_S = 100
SHOWN = ("digits", "ice_restart_disabled", "ice_restart_ok", "ice_short_gap", "in_accept_disconnect", "mute",
         "ring_stateon_earlymedia", "ws_drop_during_call",
         "2.18/in_accept_disconnect", "2.18/ws_drop_during_call_reconnect_token")  # fmt: skip
# When their path is given up, and lost, depends on ICE states that only a browser has.
OF_A_BROWSER = ("ice_blocked_from_start", "ice_never_returns", "recovery_begun_before_the_answer",
                "recovery_without_signaling")  # fmt: skip
# They are about the server's description, and the far peer's takes its place.
OF_THE_DESCRIPTION = ("out_bad_answer", "out_digits_by_message", "socket_down_digits")
UNLIKE = OF_A_BROWSER + OF_THE_DESCRIPTION
TRANSCRIPTS = {each.name: each for path in FILES for each in [Transcript.read(path)]}
CALLS = sorted(n for n, each in TRANSCRIPTS.items() if each.is_about_calls and n.rpartition("/")[2] not in UNLIKE)
if os.environ.get("CONFORMANCE_MEDIA") != "real":
    CALLS = [name for name in CALLS if name in SHOWN and not os.environ.get("CONFORMANCE_TRANSCRIPTS")]

# Of what the media reports, and when, only the order among what the program hears can be the same.
OF_THE_MEDIA = ("insights ", "media ")


class Replays:
    """All the calls, begun at once; whoever asks for one again has it played anew."""

    def __init__(self, folder: Path, bridge: Bridge) -> None:
        self._folder, self._bridge = folder, bridge
        self._begun = {name: gevent.spawn(self._play, name) for name in CALLS}

    def take(self, name: str) -> RealReplay:
        begun = self._begun.pop(name, None) or gevent.spawn(self._play, name)
        return begun.get(timeout=LIMIT_S)

    def _play(self, name: str) -> RealReplay:
        replay = RealReplay(TRANSCRIPTS[name], self._folder, self._bridge)
        replay.run()
        return replay


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replays]:
    bridge = Bridge()
    yield Replays(tmp_path_factory.mktemp("certificates"), bridge)
    bridge.close()


def _answers_another_offer(difference: compare.Difference) -> bool:
    """The far peer takes the place of the server, and offers what it speaks itself."""
    return difference.where.startswith("frame answer") and difference.what.startswith("payload.sdp")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.timeout(LIMIT_S + 20)
@pytest.mark.real_time
def test_a_call_comes_out_as_it_was_recorded(name: str, replays: Replays) -> None:
    replay = replays.take(name)

    found = [each for each in compare.differences(replay) if not each.where.startswith(OF_THE_MEDIA)]
    found = [each for each in found if not each.is_of_time and not _answers_another_offer(each)]

    assert deviations.unexplained(replay.transcript, found, real_media=True) == []
