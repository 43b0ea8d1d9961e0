"""Who is called by what name, and what is known of a caller."""

from __future__ import annotations

import pytest

from agent.voice.call_ids import INCOMING, OUTGOING, caller_info, new_temporary_sid
from tests.conformance.render import DRAWN


@pytest.mark.parametrize(
    ("status", "verified"),
    [
        ("TN-Validation-Passed-A", True),
        ("TN-Validation-Passed-B", False),
        ("TN-Validation-Passed-C", False),
        ("TN-Validation-Passed-A-Diverted", False),
        ("TN-Validation-Passed-A-Passthrough", False),
        ("TN-Validation-Failed-A", False),
        ("No-TN-Validation", False),
        ("tn-validation-passed-a", False),
    ],
)
def test_only_a_caller_whose_right_to_the_number_was_shown_is_verified(status: str, verified: bool) -> None:
    assert caller_info({"StirStatus": status}, INCOMING) == {"isVerified": verified}


@pytest.mark.parametrize("parameters", [{}, {"StirStatus": ""}, {"StirStatus": None}])
def test_of_other_callers_nothing_is_known(parameters: dict[str, str]) -> None:
    assert caller_info(parameters, INCOMING) is None


def test_nothing_is_said_of_whom_this_side_calls() -> None:
    assert caller_info({"StirStatus": "TN-Validation-Passed-A"}, OUTGOING) is None


def test_each_call_has_a_temporary_name_of_its_own() -> None:
    names = {new_temporary_sid() for _ in range(50)}

    assert len(names) == 50 and all(DRAWN.fullmatch(name) for name in names)
