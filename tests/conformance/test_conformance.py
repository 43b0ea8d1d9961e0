"""Our Device in the place of the JavaScript SDK: each recorded scenario is played again, and must come out the same.

The server is real and speaks over TLS; time is virtual, and the media does what the transcript says. Another folder of
transcripts is played with CONFORMANCE_TRANSCRIPTS=FOLDER.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import compare, deviations
from .replay import Replay
from .transcript import Transcript

OWN = Path(__file__).with_name("transcripts") / "1.15"
FOLDER = Path(os.environ.get("CONFORMANCE_TRANSCRIPTS") or OWN)
FILES = sorted(FOLDER.glob("*.jsonl"))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


def test_there_is_something_to_play() -> None:
    assert FILES, f"no .jsonl files in {FOLDER}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_scenario_comes_out_as_it_was_recorded(path: Path, certificates: Path) -> None:
    transcript = Transcript.read(path)
    replay = Replay(transcript, certificates)

    replay.run()

    assert deviations.unexplained(transcript, compare.differences(replay)) == []
