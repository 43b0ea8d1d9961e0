"""What is written of the HTTP interface is so: its description and the lines of its page."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from agent.page.api import EVENTS, ROOT, ROUTES
from agent.page.api_description import description

PAGE = Path(__file__).parents[2] / "docs" / "http.md"
LINES = re.findall(r"^curl .*$", PAGE.read_text(), re.MULTILINE)
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
KINDS = {"object", "string", "number", "integer", "boolean"}


def operations(api: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in api["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def test_the_description_is_served_and_names_every_route_and_no_other(browser: Any) -> None:
    api = json.loads(browser.get("/api/v1/openapi.json").read())
    assert api == description()
    described = {(method.upper(), path) for method, path, _ in operations(api)}
    assert described == {(route.method, route.path) for route in ROUTES}


def test_what_is_described_is_answered(browser: Any, box: Any) -> None:
    for method, path, _ in operations(description()):
        if path != EVENTS:
            assert browser._ask(method.upper(), path, {"X-Kiosk-Panel": "1"}).status_code not in (404, 405)


def test_the_description_has_the_form_of_openapi_3_1() -> None:
    api = description()
    assert re.fullmatch(r"3\.1\.\d+", api["openapi"])
    assert {"title", "version"} <= api["info"].keys()
    schemes = api["components"]["securitySchemes"]
    assert {name for need in api["security"] for name in need} == schemes.keys()
    assert all(one["type"] == "http" for one in schemes.values())
    names = []
    for method, path, operation in operations(api):
        assert method in METHODS and path.startswith("/") and "{" not in path
        assert all(re.fullmatch(r"[1-5]\d\d", code) and one["description"]
                   for code, one in operation["responses"].items())  # fmt: skip
        names.append(operation["operationId"])
        if body := operation.get("requestBody"):
            schema = body["content"]["application/json"]["schema"]
            assert schema["type"] == "object" and set(schema["required"]) <= schema["properties"].keys()
            assert all(one["type"] in KINDS and one["description"] for one in schema["properties"].values())
    assert len(set(names)) == len(names)
    for reference in re.findall(r'"\$ref": "#/([^"]*)"', json.dumps(api)):
        found = api
        for part in reference.split("/"):
            found = found[part]


def test_the_page_says_which_permission_each_thing_needs() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    told = {name: permission for permission, text in rows
            for name in re.findall(r"`([a-z-]+)`", text.partition(";")[0])}  # fmt: skip
    assert told == {route.path.removeprefix(ROOT): route.permission for route in ROUTES if route.permission}


def test_the_lines_of_the_page_ask_for_every_route() -> None:
    asked = {re.search(r'"\$BOX([^"]*)"', line)[1] for line in LINES}  # type: ignore[index]
    assert asked == {route.path for route in ROUTES}


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_page_does_what_it_says(
    serve: Callable[..., Any], keys: Any, box: Any, line: str
) -> None:
    settings, bearers = keys
    browser = serve(password="correct horse", api=settings)
    box.ringing = True
    environment = {"BOX": f"http://{browser.host}", "KEY": bearers["all"].partition(" ")[2], "PATH": "/usr/bin:/bin"}
    ends = ' | head -c 40' if EVENTS in line else ""
    ran = gevent.get_hub().threadpool.apply(subprocess.run, (["bash", "-c", line + ends],),
                                            {"env": environment, "capture_output": True, "timeout": 60})  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    is_get = any(route.path in line and route.do is None for route in ROUTES)
    assert bool(ran.stdout) == is_get
    assert bool(box.done) != is_get
