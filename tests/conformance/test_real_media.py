"""The recorded calls again, with real media at both ends and in real time; all of them run beside each other.

With CONFORMANCE_MEDIA=real every scenario with a call is played so, else a few that show what media can do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import gevent
import pytest

from agent.media.bridge import Bridge

from . import compare, deviations
from .real_media import RealReplay
from .test_conformance import FILES
from .transcript import Transcript

LIMIT_S = 100
TRIES = 3  # of a replay that other programs held up; what differs in one that they did not is a fault
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


Played = Callable[[str], RealReplay]


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Plays a recording; what was played beside the others is handed out first."""
    bridge = Bridge()
    folder = tmp_path_factory.mktemp("certificates")

    def begin(name: str) -> gevent.Greenlet[..., RealReplay]:
        replay = RealReplay(TRANSCRIPTS[name], folder, bridge)
        replay_it: gevent.Greenlet[..., RealReplay] = gevent.spawn(lambda: replay.run() or replay)
        return replay_it

    begun = {name: begin(name) for name in CALLS}
    yield lambda name: (begun.pop(name, None) or begin(name)).get(timeout=LIMIT_S)
    bridge.close()


def _answers_another_offer(difference: compare.Difference) -> bool:
    """The far peer takes the place of the server, and offers what it speaks itself."""
    return difference.where.startswith("frame answer") and difference.what.startswith("payload.sdp")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.timeout(TRIES * LIMIT_S + 20)
def test_a_call_comes_out_as_it_was_recorded(name: str, play: Played) -> None:
    for _ in range(TRIES):
        replay = play(name)
        found = unexplained(replay)
        if not (found and replay.was_held_up):
            break

    assert found == []


def unexplained(replay: RealReplay) -> list[str]:
    """The differences that nobody wanted."""
    found = [each for each in compare.differences(replay) if not each.where.startswith(OF_THE_MEDIA)]
    found = [each for each in found if not each.is_of_time and not _answers_another_offer(each)]
    return deviations.unexplained(replay.transcript, found, real_media=True)
