"""The tests are tested: each way to break the program can still be made, and a sample of them is made and caught.

All of them: `python -m tests.mutations`, or MUTATIONS=all.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .mutation import Mutation, copy_tree, problem, survives
from .table import MUTATIONS

EVERY = 15  # of so many, one is made in each run
SAMPLE = MUTATIONS if os.environ.get("MUTATIONS") == "all" else MUTATIONS[::EVERY]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_tree(tmp_path_factory.mktemp("tree"))


def test_there_are_enough_of_them_and_each_has_its_name() -> None:
    assert len({each.name for each in MUTATIONS}) == len(MUTATIONS) >= 40


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_it_can_still_be_made(mutation: Mutation) -> None:
    assert problem(mutation) == ""


@pytest.mark.parametrize("mutation", SAMPLE, ids=lambda each: each.name)
def test_it_is_caught(mutation: Mutation, tree: Path) -> None:
    assert survives(mutation, tree) == ""


def test_what_breaks_nothing_is_not_caught(tree: Path) -> None:
    harmless = Mutation("harmless", "agent/voice/digits.py", "import re\n", "import re  # as before\n",
                        ("voice/test_digits.py",))  # fmt: skip

    assert survives(harmless, tree) == "no test failed"


def test_tests_that_cannot_be_run_are_no_proof(tree: Path) -> None:
    broken = Mutation("broken", "agent/voice/digits.py", "import re\n", "import re re\n", ("voice/test_digits.py",))

    assert "could not be run" in survives(broken, tree)


def test_a_text_that_is_not_there_any_more_is_a_fault() -> None:
    gone = Mutation("gone", "agent/voice/digits.py", "there is no such text", "", ("voice/test_digits.py",))

    assert "0 times" in problem(gone)
