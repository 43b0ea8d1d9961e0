"""Our Device in the place of the JavaScript SDK: each recorded scenario is played again, and must come out the same.

The server is real and speaks over TLS; time is virtual, and the media does what the transcript says. The recordings are
those of transcripts/1.15, and those of transcripts/own, which record/record.py makes. Another folder of transcripts is
played instead with CONFORMANCE_TRANSCRIPTS=FOLDER.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import compare, deviations
from .replay import Replay
from .transcript import Transcript

GIVEN = Path(__file__).with_name("transcripts") / "1.15"
OWN = GIVEN.with_name("own")
CHOSEN = os.environ.get("CONFORMANCE_TRANSCRIPTS")
FOLDERS = (Path(CHOSEN),) if CHOSEN else (GIVEN, OWN)
FILES = [path for folder in FOLDERS for path in sorted(folder.glob("*.jsonl"))]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


def test_there_is_something_to_play() -> None:
    assert FILES, f"no .jsonl files in {FOLDERS}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_scenario_comes_out_as_it_was_recorded(path: Path, certificates: Path) -> None:
    transcript = Transcript.read(path)
    replay = Replay(transcript, certificates)

    replay.run()

    assert deviations.unexplained(transcript, compare.differences(replay)) == []
