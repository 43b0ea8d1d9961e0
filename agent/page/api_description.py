"""The description of the HTTP interface (OpenAPI 3.1), made of its table of routes."""

from __future__ import annotations

from typing import Any

from agent.page.api import EVENTS, ROUTES, ApiRoute
from agent.page.api_fields import JSON, ApiField
from agent.program import VERSION

PROBLEMS = {
    "400": "a field is missing, unknown or wrong, or the body is no JSON; the error names it",
    "401": "no key, or a wrong one; the more wrong ones come, the longer the answer takes",
    "403": "the key lacks the permission, or another site asks by somebody's browser",
    "404": "the box has no such button",
    "409": "the box cannot do it now; the error says why",
    "413": "the body is too long",
    "415": "the body is not application/json",
}
ALWAYS = ("401", "403")
_ERROR = {"$ref": "#/components/schemas/Error"}


def description() -> dict[str, Any]:
    """Describe every route, ready for JSON."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "kiosk-agent", "version": VERSION, "description": "One box: its state, calls and doors."},
        "paths": paths,
        "security": [{"key": []}, {"password": []}],
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "a key of [api.keys]"},
                "password": {"type": "http", "scheme": "basic",
                             "description": "the page's password or a key, with any user name; a POST then needs "
                                            "the header X-Kiosk-Panel: 1"},
            },
            "schemas": {"Error": {"type": "object", "required": ["error"],
                                  "properties": {"error": {"type": "string"}}}},
        },
    }  # fmt: skip


def _operation(route: ApiRoute) -> dict[str, Any]:
    codes = ALWAYS if route.do is None else tuple(PROBLEMS)
    needs = f" Needs the permission {route.permission}." if route.permission else ""
    operation: dict[str, Any] = {
        "operationId": route.path.rpartition("/")[2].removesuffix(".json").replace("-", "_"),
        "summary": route.summary,
        "description": route.summary + needs,
        "responses": {**_success(route), **{code: _problem(PROBLEMS[code]) for code in codes}},
    }
    if route.fields:
        is_needed = any(one.default is None for one in route.fields)
        operation["requestBody"] = {"required": is_needed, "content": {JSON: {"schema": _body(route)}}}
    return operation


def _success(route: ApiRoute) -> dict[str, Any]:
    if route.do is not None:
        return {"204": {"description": "done"}}
    kind = "text/event-stream" if route.path == EVENTS else JSON
    schema = {"type": "string" if route.path == EVENTS else "object"}
    return {"200": {"description": route.summary, "content": {kind: {"schema": schema}}}}


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {JSON: {"schema": _ERROR}}}


def _body(route: ApiRoute) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {one.name: _schema(one) for one in route.fields},
        "required": [one.name for one in route.fields if one.default is None],
        "additionalProperties": False,
    }


def _schema(one: ApiField) -> dict[str, Any]:
    limits = {"string": ("minLength", "maxLength"), "boolean": ()}.get(one.kind, ("minimum", "maximum"))
    default = {} if one.default is None else {"default": one.default}
    bounds = dict(zip(limits, (one.low, one.high), strict=False))
    return {"type": one.kind, "description": one.help, **bounds, **default}
