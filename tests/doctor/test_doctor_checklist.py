from __future__ import annotations

import json

import gevent

from agent.doctor.checklist import Check, Outcome, as_json, as_text, failed, ok, run, succeeded, warning


def test_every_check_is_run_and_told_in_order() -> None:
    checks = list(run([("one", lambda: ok("one", "fine")), ("two", lambda: warning("two", "so so", "look"))]))
    assert [check.outcome for check in checks] == [Outcome.OK, Outcome.WARNING]


def test_a_check_that_breaks_has_failed_and_the_others_go_on() -> None:
    def broken() -> Check:
        raise RuntimeError("no such thing")

    first, second = run([("one", broken), ("two", lambda: ok("two", "fine"))])
    assert first.outcome is Outcome.FAILED
    assert "RuntimeError: no such thing" in first.detail
    assert second.outcome is Outcome.OK


def test_a_check_that_hangs_is_given_up() -> None:
    def hanging() -> Check:
        gevent.sleep(3600)
        return ok("one", "never")

    (check,) = run([("one", hanging)], time_limit_s=0.01)
    assert check.outcome is Outcome.FAILED
    assert "no result within" in check.detail


def test_what_to_do_stands_below_what_is_wrong() -> None:
    assert as_text(failed("dns", "nobody answers", "check the cable")).splitlines() == [
        "failed   dns              nobody answers",
        "                          -> check the cable",
    ]
    assert as_text(ok("dns", "fine")).count("\n") == 0


def test_the_outcome_is_json_for_programs() -> None:
    told = json.loads(as_json([ok("a", "fine"), failed("b", "broken", "mend it")]))
    assert told["ok"] is False
    assert told["checks"][1] == {"name": "b", "outcome": "failed", "detail": "broken", "remedy": "mend it"}


def test_a_warning_is_no_failure() -> None:
    assert succeeded([ok("a", ""), warning("b", "", "")])
    assert not succeeded([failed("a", "", "")])
