"""The agent's control socket: how `press` and `status` reach the running agent, one JSON object a line.

    -> {"command": "press", "button": "green"}   <- {"ok": true, "result": null}
    -> {"command": "subscribe"}                  <- {"ok": true, "result": null}, then {"event": ..., "data": ...}
    -> {"command": "fly"}                        <- {"ok": false, "error": "unknown command fly; known: press, ..."}

Whoever may open the socket may press the buttons, so it belongs to the agent's user alone (mode 0600).
"""

from __future__ import annotations

import inspect
import logging
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gevent
import gevent.pool
import gevent.socket
from gevent.server import StreamServer

from agent.closing import Closing
from agent.errors import AgentError, AlreadyRunningError, ControlError
from agent.hub_clock import sleep_to_round
from agent.log import MOST_WHY, SeldomLog, excerpt, tidy
from agent.service.control_connection import MAX_LINE_BYTES, ControlConnection
from agent.supervision.heartbeat import Heartbeat
from hw.errors import HardwareError

log = logging.getLogger(__name__)

_Command = Callable[..., Any]

MAX_CLIENTS = 32
LOOK_S = 10.0  # between two questions whether it still serves
ANSWER_S = 15.0


class ControlServer(Closing):
    """Serves `commands` (name -> function of the request's other members) to the users of the socket at `path`."""

    def __init__(self, path: Path, commands: Mapping[str, _Command]) -> None:
        self._path = path
        self._commands = {**commands}
        self._server: StreamServer | None = None
        self._subscribers: set[ControlConnection] = set()
        self._deaf = SeldomLog(log)

    def beside(self, name: str) -> Path:
        """Name a file of the socket's folder, which `start` makes for this user alone."""
        return self._path.with_name(name)

    def offer(self, name: str, command: _Command) -> None:
        """Take one more command."""
        self._commands[name] = command

    def start(self) -> None:
        """Listen; replaces the socket of an agent that died.

        Raises AlreadyRunningError while another one runs, ControlError where no socket can be made.
        """
        _make_private(self._path.parent)
        if is_served(self._path):
            raise AlreadyRunningError(f"another agent is running already: it serves {self._path}")
        self._server = StreamServer(_listen(self._path), self._serve, spawn=gevent.pool.Pool(MAX_CLIENTS))
        self._server.start()

    def run(self, heartbeat: Heartbeat) -> None:
        """Serve until it is killed, and ask it something now and then; ControlError when nobody is answered any more.

        `start` may have been called before, to hear at once that another agent runs.
        """
        if self._server is None:
            self.start()
        try:
            while True:
                heartbeat.beat()
                sleep_to_round(LOOK_S)
                self._ask()
        except Exception:
            self.close()
            raise

    def _ask(self) -> None:
        nobody = ControlError("the control socket answers nobody")
        with gevent.Timeout(ANSWER_S, nobody), gevent.socket.socket(gevent.socket.AF_UNIX) as visitor:
            try:
                visitor.connect(str(self._path))
                visitor.sendall(b'{"command": "alive"}\n')
                if not visitor.recv(MAX_LINE_BYTES):
                    raise nobody
            except OSError as error:
                raise ControlError(f"the control socket cannot be reached: {error.strerror or error}") from None

    def close(self) -> None:
        """End every connection and remove the socket; idempotent."""
        if self._server is not None:
            self._path.unlink(missing_ok=True)
            self._server.stop(timeout=0)
            self._server = None

    def publish(self, event: str, data: Any) -> None:
        """Send an event to every subscriber; never blocks, a subscriber that does not read is cut off."""
        for client in tuple(self._subscribers):
            self._send(client, {"event": event, "data": tidy(data)})

    def _serve(self, connection: gevent.socket.socket, _address: object) -> None:
        client = ControlConnection(connection)
        try:
            for request in client.requests():
                self._send(client, self._answer(client, request))
            if client.sent_too_much:
                self._send(client, _refusal(f"a line has at most {MAX_LINE_BYTES} bytes"))
        except OSError as error:
            log.debug("a control connection ended: %s", error)
        finally:
            self._subscribers.discard(client)
            client.close()

    def _send(self, client: ControlConnection, message: Mapping[str, Any]) -> None:
        if not client.send(message):
            self._deaf.warning("a client of the control socket does not read and is cut off")

    def _answer(self, client: ControlConnection, request: Any) -> dict[str, Any]:
        if not isinstance(request, dict) or not isinstance(request.get("command"), str):
            return _refusal('expected one JSON object a line, with "command"')
        parameters = {**request}
        name = parameters.pop("command")
        if name == "subscribe":
            self._subscribers.add(client)
            return {"ok": True, "result": None}
        command = self._commands.get(name) if name != "alive" else lambda: None  # only it itself asks that
        if command is None:
            return _refusal(f"unknown command {name}; known: {', '.join(sorted({*self._commands, 'subscribe'}))}")
        return _perform(command, name, parameters)


def _perform(command: _Command, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    try:
        inspect.signature(command).bind(**parameters)
    except TypeError as error:
        return _refusal(f"{name}: {error}")
    try:
        return {"ok": True, "result": command(**parameters)}
    except (AgentError, HardwareError) as error:
        return _refusal(str(error))
    except Exception as error:
        log.exception("the command %s failed", name)
        return _refusal(f"{name} failed: {error}")


def _refusal(why: str) -> dict[str, Any]:
    return {"ok": False, "error": excerpt(why, MOST_WHY)}


def is_private(status: os.stat_result) -> bool:
    """Tell whether this is a folder that nobody but this user may write to."""
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise ControlError(f"the folder of the control socket cannot be made: {error}") from None
    # In a folder that others may write to, they could put a socket of their own in the place of ours.
    if not is_private(status):
        raise ControlError(f"{folder} must be a folder that only this user may write to; remove it or change its owner")


def is_served(path: Path) -> bool:
    """Tell whether an agent answers at this socket."""
    with gevent.socket.socket(gevent.socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _listen(path: Path) -> gevent.socket.socket:
    fresh = path.with_name(f".{path.name}.new")
    listener = gevent.socket.socket(gevent.socket.AF_UNIX)
    try:
        fresh.unlink(missing_ok=True)
        listener.bind(str(fresh))
        fresh.chmod(0o600)
        listener.listen(MAX_CLIENTS)
        fresh.rename(path)  # in one step in the place of a dead agent's socket
    except OSError as error:
        listener.close()
        raise ControlError(f"the control socket {path} cannot be made: {error}") from None
    return listener
