from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from agent.doctor import service
from agent.doctor.checklist import Outcome
from agent.errors import AgentError
from agent.signaling.settings import SignalingSettings


def token(good_for_s: float) -> str:
    return jwt.encode({"exp": int(time.time() + good_for_s)}, "x" * 32, algorithm="HS256")


@pytest.mark.parametrize(
    ("made", "outcome", "words"),
    [
        (lambda: token(7200), Outcome.OK, "good for"),
        (lambda: token(60), Outcome.WARNING, "ends in"),
        (lambda: token(-86400 * 3), Outcome.FAILED, "ended 3 days ago"),
        (lambda: "opaque", Outcome.WARNING, "cannot be read"),
        (lambda: "", Outcome.FAILED, "there is none"),
    ],
    ids=["good", "ends soon", "ended", "opaque", "none"],
)
def test_a_token_is_judged_by_its_end(made: Callable[[], str], outcome: Outcome, words: str) -> None:
    text = made()
    check = service.check_token(lambda: text)
    assert check.outcome is outcome
    assert words in check.detail
    assert not text or text not in check.detail


def test_a_source_that_gives_no_token_says_why() -> None:
    def broken() -> str:
        raise AgentError("token_url answered 403")

    assert service.check_token(broken).detail == "token_url answered 403"
    assert service.check_registration(SignalingSettings(), broken).outcome is Outcome.FAILED


def test_a_good_token_is_accepted(site: Any) -> None:
    check = service.check_registration(site.settings, lambda: site.switchboard.mint("lobby"))
    assert check.outcome is Outcome.OK
    assert site.settings.server in check.detail


def test_a_token_of_somebody_else_is_refused_with_the_services_words(site: Any) -> None:
    check = service.check_registration(site.settings, lambda: token(600))
    assert check.outcome is Outcome.FAILED
    assert check.detail == "31204: JWT invalid"


def test_a_service_that_is_not_there_is_told(closed_port: int) -> None:
    settings = SignalingSettings(server=f"127.0.0.1:{closed_port}")
    check = service.check_registration(settings, lambda: token(600), answer_s=1)
    assert check.outcome is Outcome.FAILED
    assert "31005" in check.detail
