"""What is wrong between entries of [directory], and between them and the buttons: key and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from agent.config.directory import Entries, chain
from agent.config.sections import Config

_Problems = Iterator[tuple[str, str]]


def directory_contradictions(config: Config) -> _Problems:
    """Find fallbacks that lead nowhere or back, numbers that two have, and digits that mean nothing."""
    ourselves = (config.sip.user if config.signaling.is_sip else "") or config.box.identity
    for name, entry in config.directory.items():
        yield from _fallback(config.directory, name)
        for key in ("targets", "night_targets"):
            if ourselves in [target.removeprefix("client:") for target in getattr(entry, key)]:
                yield f"directory.{name}.{key}", f'"{ourselves}" is this box itself; expected somebody else'
    for key, target in _called(config):
        if target.removeprefix("client:") == ourselves and target not in config.directory:
            yield key, f'"{ourselves}" is this box itself; expected somebody else'
    yield from _numbers(config.directory)
    yield from _digits(config)


def _called(config: Config) -> Iterator[tuple[str, str]]:
    """List what buttons call: dotted key, and whom."""
    for name, button in config.buttons.items():
        for gesture, action in button.bindings().items():
            if action.name in ("call", "bell"):
                yield f"buttons.{name}.{gesture}", action.target


def _fallback(entries: Entries, name: str) -> _Problems:
    fallback = entries[name].fallback
    if not fallback:
        return
    key = f"directory.{name}.fallback"
    if fallback not in entries:
        near = get_close_matches(fallback, entries, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"expected one of {', '.join(sorted(entries))}"
        yield key, f"there is no entry [directory.{fallback}]; {hint}"
        return
    way = chain(entries, name)
    if entries[way[-1]].fallback == name:
        yield key, f"it leads back to where it began ({' - '.join([*way, name])}); expected an end"


def _numbers(entries: Entries) -> _Problems:
    owners: dict[str, str] = {}
    for name, entry in entries.items():
        if entry.number and entry.number in owners:
            yield f"directory.{name}.number", f"{owners[entry.number]} has it already; expected a number of its own"
        owners.setdefault(entry.number, name)


def _digits(config: Config) -> _Problems:
    actions = [(f"buttons.{name}.{gesture}", action)
               for name, button in config.buttons.items() for gesture, action in button.bindings().items()]  # fmt: skip
    numbers = {name: entry.number for name, entry in config.directory.items() if entry.number}
    digits = {action.target for _, action in actions if action.name == "digit"}
    for key, action in actions:
        if action.name in ("dial", "clear") and not digits:
            yield key, f"there is nothing to {action.name}; expected buttons with digit:0 to digit:9"
        if action.name == "dial" and digits and not numbers:
            yield key, "it dials nobody; expected a number in an entry of [directory]"
    for name, number in numbers.items():
        if missing := sorted(set(number) - digits):
            yield f"directory.{name}.number", f"no button types it; expected one with digit:{missing[0]}"


def directory_doubts(config: Config) -> _Problems:
    """Find buttons that call a name without an entry, but spelled like one, and targets that look like an entry."""
    called = {name: {*entry.targets, *entry.night_targets} for name, entry in config.directory.items()}
    known = {target for targets in called.values() for target in targets}
    for key, target in _called(config):
        near = get_close_matches(target, config.directory, n=1, cutoff=0.75)
        if near and target not in known | called.keys():
            yield key, f"no entry of [directory] has this name; did you mean {near[0]!r}?"
    for name, targets in called.items():
        for target in sorted(targets & called.keys() - {name}):
            if target not in called[target]:
                yield f"directory.{name}.targets", (
                    f"it calls somebody named {target!r}, and not the entry, which only a fallback leads to"
                )
