"""What a check says, how checks are run, and how their outcome is printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

import gevent

TIME_LIMIT_S = 30.0


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


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


def run(tests: Iterable[tuple[str, Test]], time_limit_s: float = TIME_LIMIT_S) -> Iterator[Check]:
    """Yield the outcome of each named test; one that breaks or takes too long has failed, the others go on."""
    for name, test in tests:
        try:
            with gevent.Timeout(time_limit_s):
                yield test()
        except gevent.Timeout:
            yield failed(name, f"no result within {time_limit_s:g} s", "look at the lines above, then try again")
        except Exception as error:
            yield failed(name, f"{type(error).__name__}: {error}", "run with --verbose for the whole story")


def as_text(check: Check) -> str:
    """Write one or two lines for a person."""
    line = f"{check.outcome:<8} {check.name:<16} {check.detail}"
    return f"{line}\n{'':<26}-> {check.remedy}" if check.remedy else line


def as_json(checks: Iterable[Check]) -> str:
    """Write all checks, for a program."""
    found = list(checks)
    return json.dumps({"ok": succeeded(found), "checks": [asdict(check) for check in found]}, indent=2)


def succeeded(checks: Iterable[Check]) -> bool:
    """Tell whether nothing has failed; warnings do not count."""
    return all(check.outcome is not Outcome.FAILED for check in checks)
