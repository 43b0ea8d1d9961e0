"""What a check says, how checks are run, and how their outcome is printed."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial

import gevent

from agent.log import excerpt, one_line, tidy

log = logging.getLogger(__name__)

TIME_LIMIT_S = 30.0
MOST_DETAIL = 1000  # characters


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"  # it was not tried, and the detail says why


@dataclass(frozen=True)
class Check:
    """One line of the self-test: what was found and, unless all is well, what to do."""

    name: str
    outcome: Outcome
    detail: str
    remedy: str = ""


Test = Callable[[], Check]


def ok(name: str, detail: str) -> Check:
    """Report that all is well, or that there is nothing to check."""
    return Check(name, Outcome.OK, detail)


def warning(name: str, detail: str, remedy: str) -> Check:
    """Report that it works, but not as it should."""
    return Check(name, Outcome.WARNING, detail, remedy)


def failed(name: str, detail: str, remedy: str) -> Check:
    """Report that it does not work."""
    return Check(name, Outcome.FAILED, detail, remedy)


def run(
    tests: Iterable[tuple[str, Test]],
    time_limit_s: float = TIME_LIMIT_S,
    needs: Mapping[str, Collection[str]] | None = None,
    on_begin: Callable[[str], object] = lambda _name: None,
) -> Iterator[Check]:
    """Yield the outcome of each named test; one that breaks or takes too long has failed, the others go on.

    What `needs` a test that failed, or was skipped, is skipped: one cause has one remedy.
    """
    broken: set[str] = set()
    for name, test in tests:
        on_begin(name)
        cause = next((each for each in (needs or {}).get(name, ()) if each in broken), None)
        check = skipped(name, cause) if cause else _run_one(name, test, time_limit_s)
        if cause or check.outcome is Outcome.FAILED:
            broken.add(name)
        yield check


def skipped(name: str, cause: str) -> Check:
    """Report that it was not tried, because of what failed above."""
    return Check(name, Outcome.SKIPPED, f"not tried before {cause} is mended")


def _run_one(name: str, test: Test, time_limit_s: float) -> Check:
    try:
        with gevent.Timeout(time_limit_s):
            return test()
    except gevent.Timeout:
        return failed(name, f"no result within {time_limit_s:g} s", "look at the lines above, then try again")
    except Exception as error:
        log.debug("the check %s broke", name, exc_info=True)
        return failed(name, f"{type(error).__name__}: {error}", "run with --verbose for the whole story")


def as_text(check: Check) -> str:
    """Write one or two lines for a person."""
    line = f"{check.outcome:<8} {check.name:<16} {excerpt(check.detail, MOST_DETAIL)}"
    return f"{line}\n{'':<26}-> {one_line(check.remedy)}" if check.remedy else line


def as_line(check: Check) -> str:
    """Write one line of JSON, for a program that follows as checks are made."""
    return json.dumps(tidy(asdict(check)))


def beside_box(tests: Iterable[tuple[str, Test]], held: Collection[str]) -> list[tuple[str, Test]]:
    """Leave out what a running box `held`: it would only be found busy."""
    return [(name, partial(_left, name) if name in held else test) for name, test in tests]


def _left(name: str) -> Check:
    return Check(name, Outcome.SKIPPED, "left to the box that runs, whose status tells of it")


def as_json(checks: Iterable[Check]) -> str:
    """Write all checks, for a program."""
    found = list(checks)
    return json.dumps({"ok": succeeded(found), "checks": [tidy(asdict(check)) for check in found]}, indent=2)


def succeeded(checks: Iterable[Check]) -> bool:
    """Tell whether nothing has failed; warnings do not count."""
    return all(check.outcome is not Outcome.FAILED for check in checks)
