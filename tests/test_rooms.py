"""Who may import whom: each room knows only what stands on the floors below it, and each library only one room.

A room is a folder; a few files are rooms of their own, because they stand on another floor than their folder.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
         for top in ("agent", "hw") for path in sorted((ROOT / top).rglob("*.py"))}  # fmt: skip

FORKING = r"gevent\.(subprocess|os)\b|^\s*from gevent import .*\b(subprocess|os)\b|\bfork(pty|_\w+)?\(|preexec_fn"

# From the ground up. Rooms on one floor do not know each other.
FLOORS = (
    {"hw"},
    {"hw.panel", "hw.sound"},
    {"agent.base"},  # the files directly under agent/ that do not stand at the top
    {"agent.net", "agent.supervision", "agent.media.rtp.packet"},
    {"agent.service", "agent.quality", "agent.page", "agent.signaling.backoff", "agent.signaling.stream_shell",
     "agent.media.settings", "agent.media.jitter", "agent.media.light_import", "agent.media.native",
     "agent.media.strangers"},
    {"agent.signaling.pstream", "agent.signaling.token", "agent.media.sdp"},
    {"agent.signaling.sip"},
    {"agent.signaling", "agent.media.rtp", "agent.media.ice"},
    {"agent.media.codec", "agent.media.dtls"},
    {"agent.media", "agent.house"},
    {"agent.switchboard", "agent.voice", "agent.house.mqtt", "agent.house.hooks", "agent.house.metrics"},
    {"agent.config"},
    {"agent.doctor"},
    {"agent.kiosk"},
    {"agent.demo"},
    {"agent.commands"},
    {"agent"},
)  # fmt: skip
TOP = {"agent", "agent.__main__", "agent.cli", "agent.release"}
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# Each library that is confined, and the rooms or files that may import it.
CONFINED = {
    "aiortc": ("agent.media",),
    "aioice": ("agent.media.ice.library",),
    "pylibsrtp": ("agent.media.dtls",),
    "OpenSSL": ("agent.media.dtls",),
    "cffi": ("agent.media.native.build",),
    "asyncio": ("agent.media", "agent.switchboard"),
    "pyaudio": ("hw.sound.portaudio",),
    "gpiozero": ("hw.panel.pins_library",),
    "gpiod": ("hw.panel.kernel_line", "hw.panel.pins_gpiod"),
    "paho": ("agent.house.mqtt.paho_client",),
    "prometheus_client": ("agent.house.metrics",),
    "segno": ("agent.qr_code",),
    "toml": ("agent.config.toml_source",),
}

# Protocol and policy: no hub, no clock, no socket, no thread; time is an argument. Every file of these rooms is pure
# but for the shells that stand beside them.
PURE_ROOMS = {
    "agent.media.jitter": (),
    "agent.media.rtp": (),
    "agent.media.rtp.packet": (),
    "agent.media.sdp": (),
    "agent.quality": ("insights",),
    "agent.signaling.backoff": (),
    "agent.signaling.pstream": ("shell",),
    "agent.signaling.sip": ("instance", "secret", "secret_source", "stream"),
    "agent.signaling": (),
}
# Pure files of rooms that are made of shells.
PURE_FILES = {
    "agent.base": ("alarm", "clock", "closing", "effects", "errors", "events", "program", "sdk_version",
                   "twilio_access_errors", "twilio_call_errors", "twilio_errors"),
    "agent.config": ("directory", "kinds", "layers", "profiles", "schema", "secrecy", "settings", "told", "toml_source",
                     "value_types"),
    "agent.kiosk": ("answering", "box_state", "outcomes", "recent_moments", "typed_number", "wish"),
    "agent.house": ("box", "happenings"),
    "agent.house.hooks": ("queue", "settings", "values"),
    "agent.house.metrics": ("counts", "settings"),
    "agent.house.mqtt": ("commands", "discovery", "outbox", "payloads", "settings", "topics"),
    "agent.media": ("settings", "stats"),
    "agent.media.dtls": ("early_packets", "records"),
    "agent.media.codec": ("g711", "plc", "telephone_event", "level_snapshots"),
    "agent.media.ice": ("consent", "server_urls"),
    "agent.net": ("address", "kept_answers", "rate_limit"),
    "agent.signaling.token": ("renewal", "token_settings"),
    "agent.page": ("api_keys",),
    "agent.supervision": ("restart",),
    "agent.switchboard": ("call_leg", "call_table", "callees", "client_session", "dial_params", "effects", "grant",
                          "kept_digits", "newcomers", "reconnect_tokens", "refusals", "registry", "renegotiation",
                          "route_state", "router", "sdp", "services", "settings", "timeouts", "user_messages"),
    "agent.voice": ("browser_stats", "call_causes", "call_core", "call_effects", "call_errors", "call_ids",
                    "call_messages", "call_signaling", "call_state", "connect_options", "deprecated", "digits",
                    "driver", "farewells", "feedback", "first_contact", "gathering_watch", "generation", "options",
                    "preflight_core", "preflight_report", "presence", "protocols", "recovery_driver",
                    "recovery_effects", "recovery_policy", "registration", "settings", "signaling_driver", "states"),
    "hw": ("closing", "errors", "setting", "week_hours"),
    "hw.panel": ("actions", "code_book", "dead_man", "debounce", "door_code", "gestures", "lockout", "patterns",
                 "settings"),
    "hw.sound": ("backoff", "callback_hold", "devices", "drift", "echo_reference", "frame", "interface", "pacer", "pcm",
                 "playout_depth", "quiet_hours", "rings", "settings", "tones", "treatment", "volume", "wav_format"),
}  # fmt: skip
CLOCKS_AND_IO = {"asyncio", "gevent", "select", "selectors", "socket", "ssl", "subprocess", "threading", "time"}
# What must not even be loaded. (`logging` of the standard library loads `threading`.)
LOADED_BY_IO = {"asyncio", "gevent", "greenlet", "select", "selectors", "socket", "ssl", "subprocess"}


def room(module: str) -> str:
    """The room of a module: its folder, unless it is a room of its own."""
    if module in TOP:
        return "agent"
    folder = module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]
    return module if module in FLOOR else "agent.base" if folder == "agent" else folder


def pure_modules() -> list[str]:
    listed = {f"{'agent' if home == 'agent.base' else home}.{name}" for home, names in PURE_FILES.items()
              for name in names}  # fmt: skip
    derived = {module for module in FILES if (shells := PURE_ROOMS.get(room(module))) is not None
               and module.rpartition(".")[2] not in shells}  # fmt: skip
    return sorted(listed | derived)


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(FILES[module].read_text())


def imports(module: str, node: ast.AST | None = None) -> Iterator[tuple[str, bool]]:
    """Every module that `module` imports, and whether that happens when it is loaded."""
    pending = [(child, True) for child in ast.iter_child_nodes(node or tree(module))]
    while pending:
        child, at_load = pending.pop()
        if isinstance(child, ast.Import):
            yield from ((alias.name, at_load) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{module} uses a relative import"
            for alias in child.names:
                full = f"{child.module}.{alias.name}"
                yield (full if full in FILES else str(child.module)), at_load
        else:
            at_load = at_load and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not _typing(child)
            pending.extend((inner, at_load) for inner in ast.iter_child_nodes(child))


def _typing(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def is_inside(module: str, home: str) -> bool:
    return module == home or module.startswith(f"{home}.")


def test_every_room_has_a_floor() -> None:
    assert sorted({room(module) for module in FILES}) == sorted(FLOOR)


def test_a_module_imports_only_its_own_room_and_those_on_floors_below() -> None:
    wrong = [f"{module} imports {name}" for module in FILES for name, _ in imports(module)
             if name in FILES and room(name) != room(module) and FLOOR[room(name)] >= FLOOR[room(module)]]  # fmt: skip

    assert not wrong


def test_confined_libraries_stay_in_their_room() -> None:
    strays = [f"{module} imports {name}" for module in FILES for name, _ in imports(module)
              if (homes := CONFINED.get(name.split(".")[0]))
              and not any(is_inside(module, home) for home in homes)]  # fmt: skip

    assert not strays


def test_no_file_forks_a_process_with_threads() -> None:
    """What runs in a fork may wait for ever for a lock that a thread held: `agent.child_process` makes none."""
    wrong = [f"{module}: {found[0]}" for module, path in FILES.items()
             if (found := re.search(FORKING, path.read_text(), re.MULTILINE))]  # fmt: skip

    assert not wrong
    assert re.search(FORKING, "from gevent import subprocess, sleep", re.MULTILINE)
    assert re.search(FORKING, "import gevent.subprocess", re.MULTILINE)
    assert re.search(FORKING, "    pid = os.fork()", re.MULTILINE)


def test_each_client_trusts_as_the_others_do() -> None:
    """The standard library's own choice is another one from Python 3.13 on; `agent.net.tls` makes ours."""
    assert [module for module, path in FILES.items() if "ssl.create_default_context(" in path.read_text()] == []


def test_pure_files_know_no_clock_and_no_io() -> None:
    wrong = [f"{module} imports {name}" for module in pure_modules() for name, at_load in imports(module)
             if name.split(".")[0] in CLOCKS_AND_IO]  # fmt: skip

    assert not wrong


def test_pure_files_load_nothing_that_knows_a_clock_or_io() -> None:
    script = (
        "import importlib, sys\n"
        "for module in sys.argv[2:]:\n"
        "    importlib.import_module(module)\n"
        "    if loaded := sorted(set(sys.argv[1].split(',')) & set(sys.modules)):\n"
        "        sys.exit(f'{module} loads {loaded}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, ",".join(LOADED_BY_IO), *pure_modules()],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_is_monkey_patched() -> None:
    wrong = [module for module in FILES if "gevent.monkey" in {name for name, _ in imports(module)}
             or any(getattr(node, "attr", None) == "monkey" for node in ast.walk(tree(module)))]  # fmt: skip

    assert not wrong


def test_no_module_knows_one_that_knows_it() -> None:
    graph = {module: {name for name, _ in imports(module) if name in FILES} - {module} for module in FILES}
    while leaves := [module for module, needs in graph.items() if not needs & graph.keys()]:
        for module in leaves:
            del graph[module]

    assert not graph, f"these know each other in a circle, or know those that do: {sorted(graph)}"


@pytest.mark.parametrize("folder", ["bench", "examples"])
def test_what_is_measured_and_shown_is_the_program_alone(folder: str) -> None:
    """It imports nothing from the tests, and touches nothing private of the program."""
    files = {path.name: ast.parse(path.read_text()) for path in sorted((ROOT / folder).rglob("*.py"))}
    wrong = [f"{name}:{node.lineno}: {ast.unparse(node)}" for name, file in files.items() for node in ast.walk(file)
             if isinstance(node, ast.stmt | ast.expr) and (_imports_tests(node) or _is_private(node))]

    assert not wrong


def _imports_tests(node: ast.AST) -> bool:
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    return any(is_inside(name, "tests") for name in names)


def _is_private(node: ast.AST) -> bool:
    if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr.startswith("__"):
        return False
    # The stock jitter buffer that is compared with keeps its payload in `packet._data`.
    return ast.unparse(node.value) not in ("self", "cls") and ast.unparse(node) != "packet._data"
