"""Code without documentation does what the same code does with it."""

from __future__ import annotations

import subprocess
import sys

from agent.light_code import without_documentation

SOURCE = '''
"""A module."""

class Door:
    """A door."""

    def open(self, key="a key"):
        """Open it."""
        def turned():
            """Tell whether the key was turned."""
            return key
        return turned

    @staticmethod
    def name():
        """door"""
        return "door"

    @staticmethod
    def names():
        """door"""
        return {"door": 1, **dict(door="door")}

    @staticmethod
    def spell(*, of="o"):
        "spell"
        return dict(spell=of)

    plain = lambda: "not documentation"

async def knock():
    """Knock."""
    assert Door, "no door"
    yield "knock"
'''


def light() -> dict[str, object]:
    held: dict[str, object] = {"__name__": "door"}
    exec(without_documentation(compile(SOURCE, "door.py", "exec")), held)
    return held


def test_functions_have_no_documentation() -> None:
    held = light()
    door = held["Door"]

    assert door.open.__doc__ is None and door().open().__doc__ is None and held["knock"].__doc__ is None


def test_classes_and_modules_keep_theirs() -> None:
    held = light()

    assert held["__doc__"] == "A module." and held["Door"].__doc__ == "A door."


def test_functions_do_what_they_did_even_where_the_documentation_is_a_value_as_well() -> None:
    door = light()["Door"]

    assert door().open()() == "a key"
    assert door.name() == "door"
    assert door.names() == {"door": "door"}
    assert door.spell() == {"spell": "o"}
    assert door.plain() == "not documentation"


def test_assertions_stay() -> None:
    assert "no door" in light()["knock"].__code__.co_consts


def test_lines_stay() -> None:
    assert light()["knock"].__code__.co_firstlineno == SOURCE.splitlines().index("async def knock():") + 1


def test_what_is_imported_afterwards_is_light() -> None:
    script = (
        "import sys; from agent.light_code import load_lightly; load_lightly(); load_lightly()\n"
        "import wave\n"
        "assert wave.open.__doc__ is None and wave.Wave_read.__doc__\n"
        "print(sum(getattr(hook, 'is_light', False) for hook in sys.path_hooks))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "1"
