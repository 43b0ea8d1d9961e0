"""The agent as a process of its own: how it starts, and how it ends."""

from __future__ import annotations

import base64
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import gevent
import gevent.socket
import pytest
from gevent.event import Event
from gevent.subprocess import Popen

from agent.errors import ControlError
from agent.service.control_client import ControlClient
from bench.rig.certificate import make_certificate
from bench.rig.flooding_server import FloodingServer
from bench.rig.floods import Flood
from bench.rig.virtual_cards import shared_cards
from bench.rig.ways_in import tcp, tls, unix
from tests.kiosk.settings_text import HEAD
from tests.kiosk.stage import Phone, Site

ROOT = Path(__file__).parents[2]
START_S = 60.0  # a busy machine imports slowly
SETTINGS = HEAD + """\
[answering]
auto_answer = ["*"]
auto_answer_delay_ms = 0
[buttons.echo]
pin = 17
short = "call:echo"
[lights.status]
pin = 24
ready = "steady"
[door]
pin = 26
[page]
listen = "127.0.0.1:0"
[service]
control_socket = "{folder}/run/control.sock"
state_dir = "{folder}/remembered"
"""


class Agent:
    """One command in a process of its own."""

    def __init__(self, *words: str, **environ: str) -> None:
        command = [sys.executable, "-m", "agent", *words]
        self.process = Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             env={**os.environ, **environ})  # fmt: skip
        self.printed = Event()
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [gevent.spawn(self._read, self.process.stdout, self.out),
                         gevent.spawn(self._read, self.process.stderr, self.err)]  # fmt: skip

    def _read(self, stream: Iterable[str], lines: list[str]) -> None:
        for line in stream:
            lines.append(line)
            self.printed.set()

    def end(self, number: signal.Signals) -> int:
        """Send a signal; the exit status."""
        self.process.send_signal(number)
        return int(self.process.wait(timeout=20))

    def until_logs(self, text: str) -> None:
        """Wait until a line with this text is in the log."""
        with gevent.Timeout(START_S, AssertionError(f"never logged {text!r}")):
            while not any(text in line for line in self.err):
                self.printed.wait()
                self.printed.clear()

    def wait(self) -> int:
        """Wait for its own end."""
        status = self.process.wait(timeout=START_S)
        gevent.joinall(self._readers, timeout=5)
        return int(status)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def start() -> Iterator[Callable[..., Agent]]:
    agents: list[Agent] = []

    def run(*words: str, **environ: str) -> Agent:
        agents.append(Agent(*words, **environ))
        return agents[-1]

    yield run
    for agent in agents:
        agent.close()


@pytest.fixture
def settings(site: Site) -> str:
    path = site.folder / "box.toml"
    path.write_text(SETTINGS.format(server=site.switchboard.address.server, folder=site.folder))
    return str(path)


class Manager:
    """systemd's ear: what services say about themselves."""

    def __init__(self, folder: Path, name: str = "notify") -> None:
        self.path = str(folder / name)
        self.heard: list[str] = []
        self._socket = gevent.socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)

    def until(self, message: str) -> None:
        """Wait until a message with this in it arrives."""
        with gevent.Timeout(START_S, AssertionError(f"never said {message}, but {self.heard}")):
            while not any(message in heard for heard in self.heard):
                self.heard.append(self._socket.recv(4096).decode())

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path)
    yield manager
    manager.close()


def until_prints(agent: Agent, text: str) -> str:
    """Wait until a line with this text is on the output."""
    with gevent.Timeout(START_S, AssertionError(f"never printed {text!r}, but {agent.out} {agent.err}")):
        while not (found := [line for line in agent.out if text in line]):
            agent.printed.wait()
            agent.printed.clear()
    return found[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_a_call_hangs_up_and_ends_the_agent(
    site: Site, settings: str, visitor: Phone, manager: Manager, start: Callable[..., Agent], number: signal.Signals
) -> None:
    agent = start("run", "--config", settings, NOTIFY_SOCKET=manager.path)
    manager.until("STATUS=ready")
    visitor.dial()
    visitor.until_told("accept")

    status = agent.end(number)

    assert status == 0, agent.err
    assert any(f"stopping: {number.name}" in line for line in agent.err)
    visitor.until_told("disconnect")
    manager.until("STOPPING=1")
    with pytest.raises(ControlError, match="no agent can be reached"):
        ControlClient(str(site.folder / "run" / "control.sock"))


REQUEST = b"POST /press/echo HTTP/1.1\r\nHost: 127.0.0.1\r\n"
ATTACKS = {
    "requests": REQUEST + b"\r\n",
    "tiny chunks": REQUEST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 5_000,
    "lines": b'{"command":"status"}\n',
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_agent_that_is_flooded_feeds_its_watchdog_obeys_and_hears_its_end(
    site: Site, settings: str, manager: Manager, start: Callable[..., Agent], name: str
) -> None:
    agent = start("run", "--config", settings, NOTIFY_SOCKET=manager.path, WATCHDOG_USEC="400000")
    manager.until("STATUS=ready")
    agent.until_logs("the page is at")
    control = site.folder / "run" / "control.sock"
    port = next(int(line.rpartition(":")[2].strip(" /\n")) for line in agent.err if "the page is at" in line)

    floods = [Flood(unix(control) if name == "lines" else tcp(port), ATTACKS[name], again=True) for _ in range(3)]
    for _ in range(5):
        manager.heard.clear()
        manager.until("WATCHDOG=1")
    with ControlClient(str(control)) as client:
        client.request("press", button="echo")
    status = agent.end(signal.SIGTERM)

    assert status == 0
    assert all(flood.is_alive for flood in floods)
    assert "leaving" not in "".join(agent.err)
    for flood in floods:
        flood.stop()


def test_an_agent_whose_voice_service_floods_it_goes_on_and_says_so_once(
    site: Site, settings: str, manager: Manager, start: Callable[..., Agent]
) -> None:
    make_certificate(site.folder / "flood.pem", site.folder / "flood.key", ("127.0.0.1",))
    server = FloodingServer(site.folder / "flood.pem", site.folder / "flood.key", b"\x00\x00", b"\x01\x00")
    path = Path(settings)
    path.write_text(path.read_text().replace(site.switchboard.address.server, f"127.0.0.1:{server.port}")
                    .replace("state/ca.pem", "flood.pem"))  # fmt: skip

    agent = start("run", "--config", settings, NOTIFY_SOCKET=manager.path, WATCHDOG_USEC="400000")
    agent.until_logs("was left because of what it sent")
    for _ in range(10):
        manager.heard.clear()
        manager.until("WATCHDOG=1")
    status = agent.end(signal.SIGTERM)
    server.close()

    assert status == 0
    assert server.connections > 1
    assert "".join(agent.err).count("was left because of what it sent") == 1


def test_a_second_agent_is_refused_and_the_first_goes_on(
    site: Site, settings: str, manager: Manager, start: Callable[..., Agent]
) -> None:
    start("run", "--config", settings, NOTIFY_SOCKET=manager.path)
    manager.until("STATUS=ready")

    second = start("run", "--config", settings)

    assert second.wait() == 1
    assert "another agent is running already" in "".join(second.err)
    with ControlClient(str(site.folder / "run" / "control.sock")) as client:
        assert client.request("status")["states"] == ["ready"]


@pytest.fixture
def killed(
    settings: str, visitor: Phone, manager: Manager, start: Callable[..., Agent]
) -> Callable[..., None]:
    """Lets an agent, with these lines in its section of the door, be killed in a call."""

    def kill(*door: str) -> None:
        path = Path(settings)
        path.write_text(path.read_text().replace("pin = 26", "\n".join(("pin = 26", *door))))
        path.chmod(0o600)
        agent = start("run", "--config", settings, NOTIFY_SOCKET=manager.path)
        manager.until("STATUS=ready")
        visitor.dial()
        visitor.until_told("accept")
        agent.end(signal.SIGKILL)

    return kill


def test_an_agent_that_was_killed_in_a_call_takes_the_next_one_after_its_restart(
    settings: str, visitor: Phone, killed: Callable[..., None], tmp_path: Path, start: Callable[..., Agent]
) -> None:
    killed()
    visitor.call.disconnect()
    with closing(Manager(tmp_path, "again")) as again:
        start("run", "--config", settings, NOTIFY_SOCKET=again.path)
        again.until("STATUS=ready")

    visitor.dial()
    visitor.until_told("accept", times=2)


@pytest.mark.parametrize("when", ["dead", "reconnecting", "in call"])
def test_an_agent_that_was_killed_in_a_call_is_back_in_it_and_hears_every_digit_once(
    site: Site, settings: str, visitor: Phone, killed: Callable[..., None], tmp_path: Path,
    start: Callable[..., Agent], when: str,
) -> None:  # fmt: skip
    killed('code = "2468"')

    if when == "dead":
        visitor.call.send_digits("1357")
    with closing(Manager(tmp_path, "again")) as again:
        agent = start("run", "--config", settings, NOTIFY_SOCKET=again.path)
        for state in ("reconnecting", "in call"):
            again.until(state)
            if state == when:
                visitor.call.send_digits("1357")
        agent.until_logs("a door code was refused: wrong")
        assert visitor.call.status() == "open"
        visitor.call.send_digits("2468")
        again.until("door open")
        visitor.call.disconnect()
        with gevent.Timeout(START_S):
            while (site.folder / "run" / "calls.json").exists():
                gevent.sleep(0.01)
    assert sum("door code was refused" in line for line in agent.err) == 1


def test_an_agent_that_ends_in_order_leaves_no_call_to_come_back_to(
    site: Site, settings: str, visitor: Phone, manager: Manager, start: Callable[..., Agent]
) -> None:
    agent = start("run", "--config", settings, NOTIFY_SOCKET=manager.path)
    manager.until("STATUS=ready")
    visitor.dial()
    visitor.until_told("accept")
    assert (site.folder / "run" / "calls.json").exists()

    agent.end(signal.SIGTERM)

    assert not (site.folder / "run" / "calls.json").exists()


@pytest.mark.parametrize("spoilt", [b"{", b'{"format": 1, "calls": [7]}'], ids=["cut", "junk"])
def test_what_the_process_before_left_may_be_spoilt(
    site: Site, settings: str, visitor: Phone, manager: Manager, start: Callable[..., Agent], spoilt: bytes
) -> None:
    (site.folder / "run").mkdir(mode=0o700, exist_ok=True)
    (site.folder / "run" / "calls.json").write_bytes(spoilt)
    (site.folder / "run" / "calls.json").chmod(0o600)

    agent = start("run", "--config", settings, NOTIFY_SOCKET=manager.path)
    manager.until("STATUS=ready")
    visitor.dial()
    visitor.until_told("accept")

    assert "".join(agent.err).count("are not taken up") == 1


def test_an_agent_that_was_killed_refuses_codes_as_long_as_if_it_had_lived(
    site: Site, settings: str, visitor: Phone, manager: Manager, tmp_path: Path, start: Callable[..., Agent]
) -> None:
    path = Path(settings)
    path.write_text(path.read_text().replace("pin = 26", 'pin = 26\ncode = "2468"\ntries = 1'))
    path.chmod(0o600)
    guessed = start("run", "--config", settings, NOTIFY_SOCKET=manager.path)
    manager.until("STATUS=ready")
    visitor.dial()
    visitor.until_told("accept")
    visitor.call.send_digits("1357")
    guessed.until_logs("a door code was refused: wrong")
    with gevent.Timeout(START_S):
        while not (site.folder / "remembered" / "door.json").exists():
            gevent.sleep(0.01)

    guessed.end(signal.SIGKILL)
    with closing(Manager(tmp_path, "again")) as again:
        start("run", "--config", settings, NOTIFY_SOCKET=again.path)
        again.until("in call")  # that in which it was killed

    with ControlClient(str(site.folder / "run" / "control.sock")) as client:
        assert client.request("status")["door"] == {"open": False, "locked": True}


def test_a_service_with_wrong_settings_stays_says_why_and_begins_when_they_are_mended(
    settings: str, manager: Manager, tmp_path: Path, start: Callable[..., Agent]
) -> None:
    right = Path(settings).read_text()
    Path(settings).write_text(right.replace('ready = "steady"', 'ready = "sparkle"'))
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    agent = start("run", "--config", settings, NOTIFY_SOCKET=manager.path, RUNTIME_DIRECTORY=str(runtime))
    manager.until("READY=1\nSTATUS=out of order; ")
    assert "sparkle" in manager.heard[-1]

    Path(settings).write_text(right)

    manager.until("STATUS=ready")
    assert agent.end(signal.SIGTERM) == 0
    assert len([line for line in agent.err if "sparkle" in line]) == 1


def test_a_reload_of_what_cannot_change_at_once_begins_anew_in_the_same_process(
    site: Site, settings: str, manager: Manager, start: Callable[..., Agent]
) -> None:
    agent = start("run", "--config", settings, NOTIFY_SOCKET=manager.path)
    manager.until("STATUS=ready")
    manager.heard.clear()
    Path(settings).write_text(Path(settings).read_text().replace('identity = "box"', 'identity = "porter"'))

    reload = start("reload", "--config", settings)

    assert reload.wait() == 0
    assert reload.out == ["waits until no call is on: box.identity\n"]
    manager.until("READY=1")
    manager.until("STATUS=ready")
    assert not any("STOPPING" in heard for heard in manager.heard)
    with ControlClient(str(site.folder / "run" / "control.sock")) as client:
        assert client.request("status")["identity"] == "porter"
    assert agent.end(signal.SIGTERM) == 0


def test_a_hangup_reads_the_settings_again_and_refuses_wrong_ones(
    settings: str, manager: Manager, start: Callable[..., Agent]
) -> None:
    agent = start("run", "--config", settings, NOTIFY_SOCKET=manager.path)
    manager.until("STATUS=ready")
    right = Path(settings).read_text()

    Path(settings).write_text(right.replace("pin = 24", "pin = 26"))
    agent.process.send_signal(signal.SIGHUP)
    agent.until_logs("refused")
    Path(settings).write_text(right.replace("pin = 24", "pin = 25"))
    agent.process.send_signal(signal.SIGHUP)

    agent.until_logs("new settings: lights")
    assert agent.end(signal.SIGTERM) == 0


def test_at_a_terminal_wrong_settings_end_it(settings: str, start: Callable[..., Agent]) -> None:
    Path(settings).write_text(Path(settings).read_text().replace('ready = "steady"', 'ready = "sparkle"'))

    agent = start("run", "--config", settings)

    assert agent.wait() == 2
    assert "sparkle" in agent.err[-1]


def test_the_demonstration_says_what_to_open_and_press_and_ends_on_ctrl_c(
    tmp_path: Path, start: Callable[..., Agent]
) -> None:
    runtime = tmp_path / "runtime"
    agent = start("demo", "--listen", "127.0.0.1:0", "--state-dir", str(tmp_path / "state"),
                  RUNTIME_DIRECTORY=str(runtime))  # fmt: skip
    until_prints(agent, "Ctrl-C")
    assert "http://127.0.0.1:" in until_prints(agent, "front panel ")
    assert "https://127.0.0.1:" in until_prints(agent, "browser phone ")
    until_prints(agent, "ready")

    with ControlClient(str(runtime / "control.sock")) as client:
        client.request("press", button="call")
    until_prints(agent, "box         accept")
    with ControlClient(str(runtime / "control.sock")) as client:
        client.request("press", button="hangup")
    until_prints(agent, "box         disconnect")

    caller = start("call", "box", "--config", str(tmp_path / "state" / "caller.toml"))
    until_prints(agent, "box         incoming")
    with ControlClient(str(runtime / "control.sock")) as client:
        client.request("press", button="accept")
    until_prints(caller, "answered")
    assert caller.end(signal.SIGINT) == 0

    status = agent.end(signal.SIGINT)

    assert agent.wait() == 0
    assert status == 0
    assert agent.out[-1] == "demo: ended\n"
    assert not agent.err


@pytest.mark.parametrize("words", [(), ("--once",)])
def test_a_port_that_is_taken_is_named(tmp_path: Path, start: Callable[..., Agent], words: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        agent = start("demo", *words, "--listen", f"127.0.0.1:{port}", "--state-dir", str(tmp_path / "state"))

        assert agent.wait() == 1
        assert f"cannot listen on 127.0.0.1:{port}" in "".join(agent.out + agent.err)


def test_without_a_speaker_program_the_scripted_call_says_what_to_install(
    tmp_path: Path, start: Callable[..., Agent]
) -> None:
    agent = start("demo", "--once", "--state-dir", str(tmp_path / "state"), PATH=str(tmp_path))

    assert agent.wait() == 1
    assert agent.out == ["demo: failed: espeak-ng is not installed: install it with apt-get install espeak-ng\n"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_scripted_call_that_is_interrupted_has_failed(
    tmp_path: Path, start: Callable[..., Agent], number: signal.Signals
) -> None:
    agent = start("demo", "--once", "--state-dir", str(tmp_path / "state"))
    until_prints(agent, "incoming")

    assert agent.end(number) == 1
    assert agent.wait() == 1
    assert agent.out[-1] == "demo: failed: interrupted\n"


def test_the_switchboard_says_where_it_is_and_ends_on_a_signal(tmp_path: Path, start: Callable[..., Agent]) -> None:
    state = tmp_path / "state"
    agent = start("switchboard", "--listen", "127.0.0.1:0", "--state-dir", str(state))
    until_prints(agent, "ready")

    assert agent.out[0].startswith("address     127.0.0.1:")
    assert agent.out[1] == f"certificate {state}/ca.pem\n"
    assert agent.end(signal.SIGTERM) == 0


UPGRADE = b"GET /signal HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
KEY = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
BEFORE_TLS = (b"", b"\x16\x03\x01\x02\x00\x01")  # nothing, and the head of a hello
WITHIN_TLS = (b"", b"GET /signal HTTP/1.1\r\nHost: ", UPGRADE, UPGRADE + KEY)  # the last lacks nothing but a token


@pytest.mark.parametrize("command", ["switchboard", "demo"])
def test_whoever_holds_a_connection_and_says_nothing_does_not_hold_up_the_end(
    tmp_path: Path, start: Callable[..., Agent], command: str
) -> None:
    state = tmp_path / "state"
    agent = start(command, "--listen", "127.0.0.1:0", "--state-dir", str(state),
                  RUNTIME_DIRECTORY=str(tmp_path / "run"))  # fmt: skip
    told = until_prints(agent, "address " if command == "switchboard" else "browser phone ")
    until_prints(agent, "ready" if command == "switchboard" else "Ctrl-C")
    port = int(re.findall(r"127\.0\.0\.1:(\d+)", told)[0])

    with ExitStack() as held:
        secure = tls(port, state / "ca.pem")
        for connect, said in [*((tcp(port), said) for said in BEFORE_TLS), *((secure, said) for said in WITHIN_TLS)]:
            sock = held.enter_context(gevent.get_hub().threadpool.apply(connect))
            sock.sendall(said)
        status = agent.end(signal.SIGTERM)

    assert agent.wait() == 0
    assert (status, [line for line in agent.err if "leaving" in line]) == (0, [])


def test_whoever_holds_the_page_or_the_control_socket_does_not_hold_up_the_end(
    site: Site, settings: str, visitor: Phone, manager: Manager, start: Callable[..., Agent]
) -> None:
    agent = start("run", "--config", settings, NOTIFY_SOCKET=manager.path)
    manager.until("STATUS=ready")
    agent.until_logs("the page is at")
    port = next(int(line.rpartition(":")[2].strip(" /\n")) for line in agent.err if "the page is at" in line)
    key = base64.b64encode(b":" + (site.folder / "run" / "page.key").read_bytes().strip())
    head = b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic "
    visitor.dial()
    visitor.until_told("accept")

    with ExitStack() as held:
        page, control = tcp(port), unix(site.folder / "run" / "control.sock")
        for connect, said in ((page, b""), (page, head), (page, head + key + b"\r\n\r\n"), (control, b""),
                              (control, b'{"command"'), (control, b'{"command": "subscribe"}\n')):  # fmt: skip
            sock = held.enter_context(gevent.get_hub().threadpool.apply(connect))
            sock.sendall(said)
        status = agent.end(signal.SIGTERM)

    assert agent.wait() == 0
    assert (status, [line for line in agent.err if "leaving" in line]) == (0, [])
    assert not (site.folder / "run" / "page.key").exists()


@pytest.mark.sound
def test_a_wedged_sound_server_does_not_hold_up_the_end(
    settings: str, manager: Manager, start: Callable[..., Agent]
) -> None:
    """The orderly stop has more time here than it takes, so that nothing but itself ends the process."""
    cards = shared_cards()
    path = Path(settings)
    card = 'driver = "alsa"\ncapture = "vmic_a"\nplayback = "vspk_a"'
    path.write_text(path.read_text().replace('driver = "none"', card) + "stop_within_ms = 15000\n")
    agent = start("run", "--config", settings, NOTIFY_SOCKET=manager.path, **cards.environment)
    manager.until("STATUS=ready")
    agent.until_logs("sound open")

    cards.wedge()
    try:
        agent.until_logs("sound lost")
        status = agent.end(signal.SIGTERM)
    finally:
        cards.unwedge()

    assert agent.wait() == 0
    assert (status, [line for line in agent.err if "leaving" in line]) == (0, [])
