"""Hooks: programs that are run and addresses that are asked, and what becomes of those that hang, fail or flood."""

from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.pywsgi import WSGIServer
from gevent.server import StreamServer

from agent.errors import LocalFault
from agent.house.happenings import Happening
from agent.house.hooks.command import run_command
from agent.house.hooks.hooks import Hooks
from agent.house.hooks.queue import HookQueue
from agent.house.hooks.settings import HookSettings
from agent.house.hooks.values import as_json, as_query, environment
from hw.errors import SettingError
from tests.kiosk.stage import Watcher

RING = Happening("ring", {"button": "bell", "to": "reception"})
ENVIRONMENT = {"PATH": os.environ["PATH"]}
Start = Callable[..., Hooks]


@pytest.fixture
def start() -> Iterator[Start]:
    made: list[Hooks] = []

    def begin(**settings: HookSettings) -> Hooks:
        made.append(Hooks(settings, "gate"))
        return made[-1]

    yield begin
    for one in made:
        one.close()


def script(folder: Path, text: str) -> str:
    path = folder / "hook"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def fifo(folder: Path, name: str = "told") -> tuple[str, Callable[[], str]]:
    """A pipe into which a program writes, and what reads the next lines of it."""
    path = folder / name
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def read() -> str:
        with gevent.Timeout(30):
            gevent.socket.wait_read(descriptor)
        return os.read(descriptor, 65536).decode()

    return str(path), read


def until_gone(pid: int) -> None:
    """Wait for the end of a process, be it in somebody's list of children or not."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with gevent.Timeout(10, AssertionError(f"{pid} lives on")):
        gevent.socket.wait_read(process)
    os.close(process)


# --- programs ---


def test_a_program_finds_what_happened_in_its_environment_and_no_secret_of_ours(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/secret")
    pipe, read = fifo(tmp_path)
    hooks = start(bell=HookSettings(on=("ring",), command=(script(tmp_path, f"env > {pipe}"),)))

    hooks.put(Happening("offline", {"why": "x"}))
    hooks.put(RING)

    told = dict(line.split("=", 1) for line in read().splitlines())
    assert {key: told[key] for key in told if key.startswith("KIOSK_")} == {
        "KIOSK_EVENT": "ring", "KIOSK_BOX": "gate", "KIOSK_BUTTON": "bell", "KIOSK_TO": "reception"}  # fmt: skip
    assert "NOTIFY_SOCKET" not in told


@pytest.mark.parametrize(
    "words", ["$(touch {0})", "`touch {0}`", "; touch {0}", "--exec=touch {0}", "'\"\n\ttouch {0}\n"]
)
def test_what_a_stranger_writes_is_data_and_never_run(tmp_path: Path, start: Start, words: str) -> None:
    pipe, read = fifo(tmp_path)
    forbidden = tmp_path / "forbidden"
    hooks = start(any=HookSettings(on=("*",), command=(script(tmp_path, f'echo "$#:$KIOSK_FROM" > {pipe}'), "one")))

    hooks.put(Happening("incoming", {"from": words.format(forbidden)}))

    assert read().startswith("1:")
    assert not forbidden.exists()


def test_a_program_that_takes_too_long_is_ended_with_all_that_it_began(tmp_path: Path) -> None:
    pipe, read = fifo(tmp_path)
    hook = script(tmp_path, f"trap '' TERM; sleep 1000 & echo $! > {pipe}; echo so far; wait; sleep 1000")

    with pytest.raises(LocalFault, match=r"took more than 1 s, and was ended; it said: so far"):
        run_command([hook], ENVIRONMENT, 1.0)

    until_gone(int(read()))


def test_what_a_program_leaves_running_at_its_end_is_ended_too(tmp_path: Path) -> None:
    pipe, read = fifo(tmp_path)

    run_command([script(tmp_path, f"sleep 1000 & echo $! > {pipe}")], ENVIRONMENT, 60.0)

    until_gone(int(read()))


def test_a_program_that_prints_without_end_is_read_slowly_and_ended(tmp_path: Path) -> None:
    with pytest.raises(LocalFault, match="took more than 1 s") as caught:
        run_command(["yes", "x" * 50], ENVIRONMENT, 1.0)

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(("text", "why"), [("echo no such bell; exit 3", "ended with status 3; it said: no such bell"),
                                           ("kill -9 $$", "was ended by signal 9")])  # fmt: skip
def test_how_a_program_failed_is_told(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(LocalFault, match=why):
        run_command([script(tmp_path, text)], ENVIRONMENT, 30.0)


@pytest.mark.parametrize(
    ("program", "why"),
    [("/nowhere", "none of that name"), ("nowhere", "none of that name"), ("/etc", "chmod"), ("{0}/note", "chmod"),
     ("a\0b", "characters")],
)  # fmt: skip
def test_what_is_no_program_is_told_with_what_to_change(tmp_path: Path, program: str, why: str) -> None:
    (tmp_path / "note").write_text("#!/bin/sh\n")
    with pytest.raises(LocalFault, match=f"cannot be started: .*{why}"):
        run_command([program.format(tmp_path)], ENVIRONMENT, 5.0)


@pytest.mark.parametrize("text", ["echo no first line", "#!/nowhere/sh\necho hello"])
def test_a_script_that_nothing_runs_is_told_to_lack_its_first_line(tmp_path: Path, text: str) -> None:
    """The system says of the second one that it is not there, as if it meant the script."""
    hook = tmp_path / "hook"
    hook.write_text(f"{text}\n")
    hook.chmod(0o755)
    with pytest.raises(LocalFault, match="its first line must name what runs it"):
        run_command([str(hook)], ENVIRONMENT, 5.0)


def test_a_hook_that_fails_is_told_once_and_one_that_works_again_once(
    tmp_path: Path, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pipe, read = fifo(tmp_path)
    hook = script(tmp_path, f"echo $KIOSK_TO > {pipe}; test $KIOSK_EVENT = ring")
    hooks = start(bell=HookSettings(on=("*",), command=(hook,)))

    for name, to in (("ready", "a"), ("ready", "b"), ("ready", "c"), ("ring", "d"), ("ring", "last")):
        hooks.put(Happening(name, {"to": to}))
    told = ""
    while "last" not in told:  # by now the one before it has worked
        told += read()

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_slow_hook_holds_up_nobody_keeps_the_newest_and_tells_what_it_dropped(
    tmp_path: Path, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    pipe, read = fifo(tmp_path)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    slow = script(tmp_path, f'echo "$KIOSK_TO" > {pipe}; test "$KIOSK_TO" != 0 || read line < {gate}')
    hooks = start(slow=HookSettings(on=("ring",), command=(slow,), queue=2))
    hooks.put(Happening("ring", {"to": "0"}))
    assert read() == "0\n"

    for number in range(1, 1000):
        hooks.put(Happening("ring", {"to": str(number)}))
    with gate.open("w") as opened:
        opened.write("go on\n")
    told = ""
    while "999" not in told:
        told += read()

    assert told.split() == ["998", "999"]
    assert "hook slow is slow: 997 events were dropped" in caplog.text


def test_a_hook_that_hangs_does_not_keep_another_one_waiting(tmp_path: Path, start: Start) -> None:
    pipe, read = fifo(tmp_path)
    quick = script(tmp_path, f"echo quick > {pipe}")
    hooks = start(slow=HookSettings(on=("ring",), command=("sleep", "1000"), timeout_s=300),
                  quick=HookSettings(on=("ring",), command=(quick,)))  # fmt: skip

    hooks.put(RING)

    assert read() == "quick\n"
    assert hooks.overdue_s() == 0.0


def test_hooks_that_are_restarted_drop_what_hangs_and_do_what_waits(tmp_path: Path, start: Start) -> None:
    pipe, read = fifo(tmp_path)
    hook = script(tmp_path, f"echo $$ $KIOSK_TO > {pipe}; test $KIOSK_TO != first || exec sleep 1000")
    hooks = start(bell=HookSettings(on=("ring",), command=(hook,), timeout_s=300))
    hooks.put(Happening("ring", {"to": "first"}))
    hooks.put(Happening("ring", {"to": "second"}))
    pid, _ = read().split()

    hooks.restart()

    assert read().split()[1] == "second"
    until_gone(int(pid))


def test_closing_ends_the_programs_that_run(tmp_path: Path, start: Start) -> None:
    pipe, read = fifo(tmp_path)
    hook = script(tmp_path, f"echo $$ > {pipe}; exec sleep 1000")
    hooks = start(bell=HookSettings(on=("ring",), command=(hook,), timeout_s=300))
    hooks.put(RING)
    pid = int(read())

    hooks.close()

    until_gone(pid)


# --- addresses ---


class Listener(Watcher):
    """A web server that notes what it is sent, and answers as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[dict[str, Any]] = []
        self.status = "200 OK"
        self.server = WSGIServer(("127.0.0.1", 0), self._answer, log=None)
        self.server.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/bell?at=gate"

    def _answer(self, environ: Any, start_response: Any) -> list[bytes]:
        self.requests.append({**environ, "body": environ["wsgi.input"].read()})
        start_response(self.status, [("Location", "http://127.0.0.1:1/")])
        self.tell("asked")
        return [b""]


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.server.stop(timeout=0)


def test_an_address_is_sent_json_with_the_headers_of_the_settings(listener: Listener, start: Start) -> None:
    hooks = start(web=HookSettings(on=("ring",), url=listener.url, headers=("Authorization: Bearer x y",)))

    hooks.put(RING)
    listener.until_told("asked")

    request = listener.requests[0]
    assert json.loads(request["body"]) == {"event": "ring", "box": "gate", "button": "bell", "to": "reception"}
    assert (request["REQUEST_METHOD"], request["QUERY_STRING"]) == ("POST", "at=gate")
    assert (request["HTTP_AUTHORIZATION"], request["CONTENT_TYPE"]) == ("Bearer x y", "application/json")


def test_by_get_the_event_is_a_query_in_which_nothing_of_a_stranger_means_more_than_itself(
    listener: Listener, start: Start
) -> None:
    hooks = start(web=HookSettings(on=("incoming",), url=listener.url, method="GET"))

    hooks.put(Happening("incoming", {"from": "a&event=door#\r\nX: y"}))
    listener.until_told("asked")

    query = "at=gate&from=a%26event%3Ddoor%23%0D%0AX%3A+y&event=incoming&box=gate"
    assert listener.requests[0]["QUERY_STRING"] == query


def drip(sock: Any) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" * 100:
        sock.sendall(bytes([byte]))
        gevent.sleep(0.02)


def pour(piece: bytes, first: bytes = b"") -> Callable[[Any], None]:
    def flow(sock: Any) -> None:
        sock.sendall(first)
        while True:
            sock.sendall(piece * 1000)

    return flow


ODD_ANSWERS: dict[str, tuple[Callable[[Any], None], str]] = {
    "byte by byte": (drip, "no answer within 0.5 s"),
    "headers without end": (pour(b"X: secret\r\n", b"HTTP/1.1 200 OK\r\n"), "no usable answer"),
    "patience without end": (pour(b"HTTP/1.1 100 Continue\r\n\r\n"), "web failed"),
    "no HTTP": (pour(b"secret\0\xff"), "no usable answer"),
    "a length that is no number": (lambda sock: sock.sendall(b"HTTP/1.1 500 X\r\nContent-Length: x\r\n\r\n"), "500"),
    "nothing": (lambda _sock: None, "web failed"),
    "a redirection": (lambda sock: sock.sendall(b"HTTP/1.1 308 X\r\nLocation: http://secret/\r\n\r\n"), "set url"),
}


@pytest.mark.parametrize("what", ODD_ANSWERS)
def test_what_answers_oddly_is_told_once_in_bounded_time_and_the_next_event_is_sent(
    start: Start, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    answer, why = ODD_ANSWERS[what]
    asked: list[bytes] = []

    def serve(sock: Any, _address: Any) -> None:
        asked.append(sock.recv(65536))
        with suppress(OSError):
            answer(sock)

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    hooks = start(web=HookSettings(on=("*",), url=f"http://127.0.0.1:{server.server_port}/secret", timeout_s=0.5))
    hooks.put(RING)
    hooks.put(Happening("offline", {"why": "x"}))
    with gevent.Timeout(20):
        hooks._greenlets.join()
    server.stop(timeout=0)

    assert [b'"event": "ring"' in asked[0], b'"event": "offline"' in asked[1]] == [True, True]
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == 1 and why in told[0] and "secret" not in told[0]


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "302 Found"])
def test_an_address_that_refuses_is_told_and_not_followed(
    listener: Listener, start: Start, caplog: pytest.LogCaptureFixture, status: str
) -> None:
    listener.status = status
    hooks = start(web=HookSettings(on=("ring",), url=listener.url))

    hooks.put(RING)
    hooks.put(RING)
    listener.until_told("asked", 2)
    gevent.idle()

    assert f"hook web failed: 127.0.0.1 answers {status[:3]}" in caplog.text


def test_nobody_at_the_address_is_told_without_its_path_which_may_be_a_secret(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    hooks = start(web=HookSettings(on=("ring",), url="http://127.0.0.1:1/secret-key"))

    hooks.put(RING)
    with gevent.Timeout(20):
        hooks._greenlets.join()

    assert "hook web failed" in caplog.text
    assert "secret-key" not in caplog.text


# --- values, queue, settings ---


def test_values_cannot_pretend_to_be_the_event() -> None:
    happening = Happening("hung_up", {"duration_s": 1.5, "on": True, "event": "door", "box": "other"})

    assert environment(happening, "gate", {})["KIOSK_EVENT"] == "hung_up"
    assert json.loads(as_json(happening, "gate")) == {"event": "hung_up", "box": "gate", "duration_s": 1.5, "on": True}
    assert as_query(happening, "gate") == "duration_s=1.5&on=yes&event=hung_up&box=gate"


def test_a_queue_drops_its_oldest_and_knows_when_it_is_late() -> None:
    queue = HookQueue(2)
    for name in ("ready", "ring", "call"):
        queue.put(Happening(name, {}))

    taken = queue.take(10.0)

    assert taken is not None and (taken[0].name, taken[1]) == ("ring", 1)
    assert (queue.overdue_s(9.0), queue.overdue_s(12.0)) == (0.0, 2.0)
    assert queue.take(20.0) is not None and queue.take(30.0) is None
    assert queue.overdue_s(99.0) == 0.0


@pytest.mark.parametrize(("settings", "why"), [
    ({"on": ("rung",), "command": ("x",)}, "did you mean 'ring'"),
    ({"on": (), "command": ("x",)}, "on names no event"),
    ({"on": ("ring",)}, "either command or url"),
    ({"on": ("ring",), "command": ("x",), "url": "https://x"}, "not both"),
    ({"on": ("ring",), "command": (" ",)}, "a program"),
    ({"on": ("ring",), "command": ("bin/bell",)}, "whole path"),
    ({"on": ("ring",), "command": ("x",), "headers": ("A: b",)}, "headers belongs to url"),
    ({"on": ("ring",), "url": "https://x", "headers": ("A: b\r\nC: d",)}, "expected each like"),
    ({"on": ("ring",), "url": "https://user:pw@x/"}, "expected a header Authorization"),
    ({"on": ("ring",), "url": "https://x", "headers": ("Content-Length: 5",)}, "content-length follows"),
    ({"on": ("ring",), "url": "https://x", "headers": ("transfer-ENCODING: chunked",)}, "transfer-encoding follows"),
])  # fmt: skip
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingError, match=why):
        HookSettings(**settings)


def test_signals_reach_the_programs_own_group_only() -> None:
    with pytest.raises(LocalFault, match=f"signal {int(signal.SIGTERM)}"):
        run_command(["sh", "-c", "kill -TERM 0"], ENVIRONMENT, 30.0)
