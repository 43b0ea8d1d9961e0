"""The HTTP interface `/api/v1/`: one table of what can be asked for, from which its description is made, too.

    GET  status, events, sound, settings, doctor, openapi.json
    POST call, answer, hang-up, press, door, volume, do-not-disturb,
         play-tone, run-doctor                                          204, or an error as {"error": "..."}

The short paths that the page had before it still lead to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from agent.errors import AgentError, InvalidArgumentError
from agent.log import excerpt
from agent.page.api_fields import BAD, ApiField, check_fields, read_body
from agent.page.api_keys import LOOK, MEND, OPEN, TALK, Asker
from agent.page.box import Box
from agent.page.guard import Refusal
from agent.page.status_stream import shown_to
from hw.errors import HardwareError

ROOT = "/api/v1/"
EVENTS, DESCRIPTION = f"{ROOT}events", f"{ROOT}openapi.json"
MAX_HOLD_S = 30.0

ApiValues = Mapping[str, Any]


@dataclass(frozen=True)
class ApiRoute:
    """One thing that can be asked for; `permission` "" for everybody who may ask at all."""

    method: str
    path: str
    permission: str
    summary: str
    fields: tuple[ApiField, ...] = ()
    do: Callable[[Box, ApiValues, Asker], None] | None = None  #: of a POST
    show: Callable[[Box, Asker], Any] | None = None  #: of a GET that is answered with JSON


def _post(name: str, permission: str, summary: str, do: Callable[[Box, ApiValues, Asker], None],
          *fields: ApiField) -> ApiRoute:  # fmt: skip
    return ApiRoute("POST", ROOT + name, permission, summary, fields, do)


def _get(name: str, permission: str, summary: str, show: Callable[[Box, Asker], Any]) -> ApiRoute:
    return ApiRoute("GET", ROOT + name, permission, summary, show=show)


ROUTES = (
    _get("status", LOOK, "Everything that the page shows.", lambda box, asker: shown_to(asker, box)),
    ApiRoute("GET", EVENTS, LOOK, "The status at once and at each change, and each moment as it happens."),
    _get("sound", MEND, "The sound devices that the box sees, which it uses, and what became of the test tone.",
         lambda box, _: box.sound()),
    _get("settings", MEND, "The settings as they are understood; secrets have no value here.",
         lambda box, _: {"settings": box.settings()}),
    _get("doctor", MEND, "What the last self-test has found, as far as it has come.", lambda box, _: box.doctor()),
    ApiRoute("GET", DESCRIPTION, "", "This description."),
    _post("call", TALK, "Place a call.", lambda box, values, _: box.call(values["to"]),
          ApiField("to", "string", "whom: a name, a number or an entry of the directory", low=1)),
    _post("answer", TALK, "Take the call that rings.", lambda box, _values, _: box.answer()),
    _post("hang-up", TALK, "End the call that is on, or refuse what rings.", lambda box, _values, _: box.hang_up()),
    _post("press", TALK, "Press a button as a finger does; one that opens a door needs the permission open, too.",
          lambda box, values, asker: box.press(values["button"], values["hold_s"], asker.by),
          ApiField("button", "string", "its name in the settings", low=1),
          ApiField("hold_s", "number", "for how long, in seconds; 0 lets go", 0.1, 0, MAX_HOLD_S)),
    _post("door", OPEN, "Release a door for its time.",
          lambda box, values, asker: box.open_door(values["door"], asker),
          ApiField("door", "string", "which; empty: that of [door], or the only one", "")),
    _post("volume", TALK, "Set the volume of the speaker.",
          lambda box, values, _: box.set_volume(values["percent"]),
          ApiField("percent", "integer", "of the loudest", None, 0, 100)),
    _post("do-not-disturb", TALK, "Let calls in no longer, or again.",
          lambda box, values, _: box.set_do_not_disturb(values["on"]),
          ApiField("on", "boolean", "whether calls are kept away")),
    _post("play-tone", MEND, "Play the test tone, unless a call is on, and listen for it.",
          lambda box, _values, _: box.play_tone()),
    _post("run-doctor", MEND, "Begin the self-test, beside what the box does.",
          lambda box, _values, _: box.run_doctor()),
)  # fmt: skip


@dataclass(frozen=True)
class ApiRequest:
    """What is asked for, by whom, with what."""

    method: str
    path: str
    query: str
    kind: str  # of the body: Content-Type
    body: bytes


def find_route(request: ApiRequest) -> tuple[ApiRoute, ApiValues]:
    """Find what is asked for, and what is given with it, yet unchecked; Refusal 400, 404, 405 or 415."""
    if (short := _short(request)) is not None:
        return short
    here = {route.method: route for route in ROUTES if route.path == request.path}
    if not here and request.method not in ("GET", "POST"):
        raise Refusal("405 Method Not Allowed", f"{request.method} is not known here", [("Allow", "GET, POST")])
    if not here:
        raise Refusal("404 Not Found", f"there is no {request.method} {request.path}")
    if (route := here.get(request.method)) is None:
        raise Refusal("405 Method Not Allowed", f"use {', '.join(here)} there", [("Allow", ", ".join(here))])
    asked = parse_qs(request.query, keep_blank_values=True)
    if route.do is not None and asked:
        name = excerpt(next(iter(asked)))
        raise Refusal(BAD, f"{name!r} stands in the address; fields belong into the body, as JSON")
    return route, asked if route.do is None else read_body(request.kind, request.body)


def perform(route: ApiRoute, given: ApiValues, box: Box, asker: Asker) -> None:
    """Do it; Refusal 400 for a field, 403 without permission, 404 for what the box does not have, 409 if it cannot."""
    require(asker, route.permission)
    values = check_fields(route.fields, given)
    if "button" in values and _opens(box, values["button"]):
        require(asker, OPEN)
    if route.do is None:
        return
    try:
        route.do(box, values, asker)
    except InvalidArgumentError as error:
        raise Refusal("404 Not Found", str(error)) from error
    except (AgentError, HardwareError) as error:
        raise Refusal("409 Conflict", str(error)) from error


def require(asker: Asker, permission: str) -> None:
    """Raise Refusal 403 where it is missing."""
    if permission and permission not in asker.permissions:
        raise Refusal("403 Forbidden", f"the {asker.name} lacks the permission {permission}: see [api.keys]")


def _opens(box: Box, button: str) -> bool:
    """Whether some gesture on this button opens a door."""
    actions = [action for one in box.status().get("buttons", ()) if one["name"] == button
               for action in one.get("actions", {}).values()]  # fmt: skip
    return any(action.partition(":")[0] == "door" for action in actions)


# --- the paths before version 1 of the interface, which took queries ---

_SHORT = {("GET", "/status"): f"{ROOT}status", ("GET", "/events"): EVENTS, ("POST", "/door"): f"{ROOT}door",
          ("POST", "/volume"): f"{ROOT}volume"}  # fmt: skip
_RENAMED = {"hold": "hold_s"}


def _short(request: ApiRequest) -> tuple[ApiRoute, ApiValues] | None:
    path, given = _SHORT.get((request.method, request.path)), {}
    if request.method == "POST" and request.path.startswith("/press/"):
        path, given = f"{ROOT}press", {"button": request.path.removeprefix("/press/")}
    if path is None:
        return None
    for name, values in parse_qs(request.query, keep_blank_values=True).items():
        if len(values) > 1:
            raise Refusal(BAD, f"the field {excerpt(name)!r} is given twice")
        given[_RENAMED.get(name, name)] = _number(values[0])
    return next(route for route in ROUTES if route.path == path), given


def _number(text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() else value
