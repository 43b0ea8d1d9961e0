"""Who may import whom: each room of the program knows only what stands below it, and each library only one room."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
         for top in ("agent", "hw") for path in sorted((ROOT / top).rglob("*.py"))}  # fmt: skip

# Each room and the rooms below it. `base` are the files directly under agent/ that are not at the `top`.
BELOW = {
    "hw": set(),
    "base": {"hw"},
    "signaling": {"base"},
    "quality": {"base", "signaling"},
    "media": {"base", "hw"},
    "switchboard": {"base", "hw", "signaling", "media"},
    "page": {"base", "hw"},
    "voice": {"base", "hw", "signaling", "quality", "media"},
    "top": {"base", "hw", "signaling", "quality", "media", "switchboard", "page", "voice"},
}
TOP = {"agent", "__main__", "cli", "commands", "demo", "doctor", "kiosk", "config", "release"}

# Each library that is confined, and the start of the names of the modules that may import it.
CONFINED = {
    "aiortc": ("agent.media.",),
    "aioice": ("agent.media.",),
    "av": ("agent.media.",),
    "asyncio": ("agent.media.", "agent.switchboard.", "agent.net.netlink"),
    "pyaudio": ("hw.sound.portaudio",),
    "gpiozero": ("hw.panel.pins",),
    "lgpio": ("hw.panel.pins",),
    "toml": ("agent.config.toml_source",),
}

# Protocol and policy: no hub, no clock, no socket, no thread. Time is an argument.
PURE = (
    "agent.config.kinds", "agent.config.schema", "agent.config.settings", "agent.config.value_types", "agent.effects",
    "agent.errors", "agent.kiosk.answering", "agent.kiosk.box_state", "agent.kiosk.outcomes", "agent.media.codec.plc",
    "agent.media.codec.telephone_event", "agent.media.ice.consent", "agent.media.jitter.buffer",
    "agent.media.jitter.delay_control", "agent.media.jitter.time_stretch", "agent.media.jitter.timestamps",
    "agent.media.rtp.packet", "agent.media.rtp.rtcp", "agent.media.sdp.munge", "agent.media.sdp.parse",
    "agent.quality.candidate", "agent.quality.envelope", "agent.quality.metrics", "agent.quality.monitor",
    "agent.quality.mos", "agent.quality.sample", "agent.quality.thresholds", "agent.quality.volume",
    "agent.quality.warnings", "agent.signaling.backoff", "agent.signaling.pstream.core",
    "agent.signaling.pstream.effects", "agent.signaling.pstream.endpoints", "agent.signaling.pstream.link",
    "agent.signaling.pstream.messages", "agent.signaling.pstream.names", "agent.signaling.pstream.params",
    "agent.signaling.pstream.payloads", "agent.signaling.pstream.stack", "agent.signaling.token.renewal",
    "agent.signaling.token.token_settings", "agent.supervision.restart", "agent.switchboard.rate_limit",
    "agent.switchboard.registry", "agent.switchboard.router", "agent.switchboard.sdp", "agent.twilio_errors",
    "agent.voice.call_ids", "agent.voice.deprecated", "agent.voice.digits", "agent.voice.options",
    "agent.voice.recovery_policy", "agent.voice.settings", "agent.voice.states", "hw.errors", "hw.panel.actions",
    "hw.panel.debounce", "hw.panel.door_code", "hw.panel.gestures", "hw.panel.patterns", "hw.sound.backoff",
    "hw.sound.devices", "hw.sound.drift", "hw.sound.echo_reference", "hw.sound.interface", "hw.sound.pacer",
    "hw.sound.pcm", "hw.sound.playout_depth", "hw.sound.quiet_hours", "hw.sound.rings", "hw.sound.settings",
    "hw.sound.tones", "hw.sound.volume",
)  # fmt: skip
IMPURE = {"asyncio", "gevent", "select", "selectors", "socket", "ssl", "subprocess", "threading", "time"}


def room(module: str) -> str:
    first, *rest = module.split(".")
    if first == "hw":
        return "hw"
    if not rest or rest[0] in TOP:
        return "top"
    return rest[0] if rest[0] in BELOW else "base"


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


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_only_its_own_room_and_those_below(module: str) -> None:
    own = room(module)

    above = {name for name, _ in imports(module) if name in FILES and room(name) not in BELOW[own] | {own}}

    assert not above, f"{module} ({own}) imports from above: {sorted(above)}"


@pytest.mark.parametrize("module", FILES)
def test_confined_libraries_stay_in_their_room(module: str) -> None:
    strays = {
        name for name, _ in imports(module)
        if (homes := CONFINED.get(name.split(".")[0])) and not f"{module}.".startswith(homes)
    }  # fmt: skip

    assert not strays


@pytest.mark.parametrize("module", PURE)
def test_a_pure_file_knows_no_clock_and_no_io(module: str) -> None:
    assert not {name for name, _ in imports(module) if name.split(".")[0] in IMPURE}


@pytest.mark.parametrize("module", FILES)
def test_nothing_is_monkey_patched(module: str) -> None:
    assert "gevent.monkey" not in {name for name, _ in imports(module)}
    assert not [node for node in ast.walk(tree(module)) if isinstance(node, ast.Attribute) and node.attr == "monkey"]


def test_no_module_needs_itself_to_be_loaded() -> None:
    graph = {module: {name for name, at_load in imports(module) if at_load and name in FILES} for module in FILES}
    while leaves := [module for module, needs in graph.items() if not needs & graph.keys()]:
        for module in leaves:
            del graph[module]

    assert not graph, f"these import each other in a circle, or need those that do: {sorted(graph)}"


def test_every_room_exists() -> None:
    assert {room(module) for module in FILES} == set(BELOW)
