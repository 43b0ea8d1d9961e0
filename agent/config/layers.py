"""A settings file and those that lie over it: CONFIG.d/*.toml beside CONFIG.toml, in the order of their names.

Tables are joined; any other value, a list too, takes the place of the one below it. "" takes back what stands below,
a whole table too: then it is as if no file had said it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from agent.config.toml_source import TomlSource, read_toml
from agent.errors import ConfigError

SUFFIX = ".toml"
_Keys = Iterator[str]
DEEPEST = 8  # tables in tables that are joined; no section goes so far


class Origin(NamedTuple):
    """Where a key stands: the number of the file, from the lowest, and the line; 0 where it is not known."""

    file: int = 0
    line: int = 0


@dataclass(frozen=True)
class Layers:
    """The tables of all files as one, and where each dotted key stands."""

    files: tuple[TomlSource, ...]
    tables: dict[str, Any]
    origins: dict[str, Origin] = field(default_factory=dict)
    beneath: dict[str, list[Origin]] = field(default_factory=dict)  # what a file above replaced
    taken_back: set[str] = field(default_factory=set)

    @property
    def path(self) -> Path:
        """The file that was named; the others lie over it."""
        return self.files[0].path

    def order(self, key: str) -> Origin:
        """Return where `key` stands, or the nearest table around it; what comes first is told first."""
        while key and key not in self.origins:
            key = key.rpartition(".")[0]
        return self.origins.get(key, Origin())

    def file(self, key: str) -> Path:
        """Return the file whose value of `key` counts."""
        return self.files[self.order(key).file].path

    def place(self, key: str) -> str:
        """Return `file:line` of `key`, as far as it is known."""
        return self._words(self.order(key))

    def told(self) -> Iterator[str]:
        """Say of each value that is given where it comes from, and what it replaces; never the value."""
        values = [key for key, is_table in _walk(self.tables) if not is_table]
        for key in sorted([*values, *self.taken_back], key=self.order):
            back = " is taken back" if key in self.taken_back else ""
            replaced = "".join(f", in the place of {self._words(origin)}" for origin in self.beneath.get(key, [])[::-1])
            yield f"{self.place(key)}: {key}{back}{replaced}"

    def _words(self, origin: Origin) -> str:
        path = self.files[origin.file].path
        return f"{path}:{origin.line}" if origin.line else str(path)


def folder_over(path: Path) -> Path:
    """Return the folder whose files lie over `path`; it need not be there."""
    return path.with_suffix(".d") if path.name else path


def files_over(path: Path) -> list[Path]:
    """List the files that lie over `path`, the highest last. ConfigError where that cannot be found out."""
    folder = folder_over(path)
    try:
        found = sorted(folder.iterdir()) if folder != path else []
    except (FileNotFoundError, ValueError):
        return []
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be read ({error.strerror}); expected a folder with settings") from None
    return [file for file in found if file.name.endswith(SUFFIX) and not file.name.startswith(".")]


def read_layers(path: Path) -> Layers:
    """Read `path` and what lies over it; raises `ConfigError` as `read_toml` does, for every file that is wrong."""
    files, problems = [read_toml(path)], []
    for over in files_over(path):
        try:
            files.append(read_toml(over))
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))
    layers = Layers(tuple(files), {})
    for number, file in enumerate(files):
        _lay(layers, number, file)
    return layers


def _lay(layers: Layers, number: int, file: TomlSource) -> None:
    replaced = list(_join(layers.tables, file.tables, layers.taken_back))
    for key in replaced:
        layers.beneath.setdefault(key, []).append(layers.order(key))
        for inner in [one for one in layers.origins if one.startswith(f"{key}.")]:
            del layers.origins[inner]
    for key in (*(key for key, _is_table in _walk(file.tables)), *file.lines):
        layers.origins[key] = Origin(number, file.line(key))


def _join(below: dict[str, Any], above: Mapping[str, Any], gone: set[str], where: str = "", depth: int = 0) -> _Keys:
    """Lay one table over another, which changes, and note what is `gone`; yields the dotted keys of what changed."""
    for key, value in above.items():
        inner, old = f"{where}.{key}".lstrip("."), below.get(key)
        if isinstance(value, dict) and isinstance(old, dict) and depth < DEEPEST:
            below[key] = dict(old)
            yield from _join(below[key], value, gone, inner, depth + 1)
            continue
        if key in below or inner in gone:
            yield inner
        if value == "" and (inner in gone or (key in below and not isinstance(old, str))):
            below.pop(key, None)
            gone.add(inner)
        else:
            below[key] = value
            gone.discard(inner)


def _walk(table: Mapping[str, Any], where: str = "", depth: int = 0) -> Iterator[tuple[str, bool]]:
    """Yield each dotted key, and whether a table that is joined stands there."""
    for key, value in table.items():
        inner, is_table = f"{where}.{key}".lstrip("."), isinstance(value, dict) and depth < DEEPEST
        yield inner, is_table
        if is_table:
            yield from _walk(value, inner, depth + 1)
