"""Our Device in the place of the JavaScript SDK: each recorded scenario is played again, and must come out the same.

The server is real and speaks over TLS; time is virtual, and the path of the media does what the transcript says. The
recordings are those of transcripts/1.15 and of transcripts/own, which record/record.py makes, for the first
generation, and those of 2.18 and own-2.18 for the second: there every difference stands at a place named in
deviations.toml, and every place named has its difference. Another folder of transcripts, of either generation, is
played instead with CONFORMANCE_TRANSCRIPTS=FOLDER; there a difference only needs one of the causes.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import compare, deviations
from .replay import Replay
from .transcript import Transcript

SHIPPED = tuple(Path(__file__).with_name("transcripts") / name for name in ("1.15", "own", "2.18", "own-2.18"))
GIVEN = SHIPPED[0]
CHOSEN = os.environ.get("CONFORMANCE_TRANSCRIPTS")
FOLDERS = (Path(CHOSEN),) if CHOSEN else SHIPPED
FILES = [path for folder in FOLDERS for path in sorted(folder.glob("*.jsonl"))]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


def test_there_is_something_to_play() -> None:
    assert FILES, f"no .jsonl files in {FOLDERS}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: Transcript.read(path).name)
def test_a_scenario_comes_out_as_it_was_recorded(path: Path, certificates: Path) -> None:
    transcript = Transcript.read(path)
    replay = Replay(transcript, certificates)

    replay.run()

    found = compare.differences(replay)
    judged = deviations.unexplained if CHOSEN else deviations.misplaced
    assert judged(transcript, found) == []


@pytest.mark.parametrize("deviation", deviations.load(), ids=lambda each: each.name)
def test_every_deviation_has_its_places(deviation: deviations.Deviation) -> None:
    """That each is still there, and that its cause explains it, is seen when its recording is played."""
    known = {Transcript.read(path).name for folder in SHIPPED for path in folder.glob("*.jsonl")}

    assert deviation.name and deviation.why.endswith(".") and deviation.differences
    assert deviation.real_media_only or any(deviation.at.values())
    assert deviation.at.keys() <= known
