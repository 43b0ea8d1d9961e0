"""Each field of each request, with whatever JSON can say in its place: one error that names it, and nothing is done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.page.api import ROUTES, ApiRoute
from agent.page.api_fields import ApiField

RIGHT = {"string": '"green"', "integer": "1", "number": "0.1", "boolean": "true"}
TEXTS = ['""', '" "', '"true"', '"1"', '"\\u0000"', '"\\u202e"', '"\\ud800"', '"a\\nb"', f'"{"x" * 257}"']
NUMBERS = ["-1", "31.5", "101", "1e308", "1e400", "9" * 3000]
OTHERS = ["null", "[]", "[[[[[1]]]]]", "{}", '{"a": {"b": [1]}}', '[{"a": 1}]']
TRUTHS = ["true", "false"]
NO_JSON = ["NaN", "-Infinity", "1_000", "0x10", "'a'", "1,", "\x00"]
FIELDS = [(route, field) for route in ROUTES for field in route.fields]
FITS = {("string", '"true"'), ("string", '"1"')}


def wrong_values(field: ApiField) -> list[str]:
    """All that must be refused."""
    values = [*OTHERS, *TEXTS, *([] if field.kind == "boolean" else TRUTHS), *NUMBERS]
    empty = {'""', '" "'} if field.low == 0 and field.kind == "string" else set()
    return [value for value in values if (field.kind, value) not in FITS and value not in empty]


@pytest.mark.parametrize(("route", "field"), FIELDS, ids=lambda one: getattr(one, "path", getattr(one, "name", "")))
def test_a_value_of_another_kind_is_refused_by_the_fields_name(
    browser: Any, box: Any, route: ApiRoute, field: ApiField
) -> None:
    others = [f'"{one.name}": {RIGHT[one.kind]}' for one in route.fields if one is not field]
    for value in wrong_values(field):
        fields = ", ".join([f'"{field.name}": {value}', *others])
        answer = browser.send(route.path.removeprefix("/api/v1/"), f"{{{fields}}}".encode())
        told = json.loads(answer.read())["error"]
        # digits beyond what Python reads as a number are no JSON to it
        assert (answer.status_code, field.name in told or "JSON" in told) == (400, True), (value[:40], told)
    assert box.done == []


@pytest.mark.parametrize("route", [route for route in ROUTES if route.do is not None], ids=lambda route: route.path)
@pytest.mark.parametrize("text", NO_JSON)
def test_what_is_no_json_is_refused_as_such(browser: Any, box: Any, route: ApiRoute, text: str) -> None:
    answer = browser.send(route.path.removeprefix("/api/v1/"), f'{{"to": {text}}}'.encode())
    assert (answer.status_code, json.loads(answer.read())) == (400, {"error": "the body is no JSON"})
    assert box.done == []
