"""The sections [buttons.NAME], [lights.NAME] and [door] of config.toml. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hw.errors import ActionError, PatternError, SettingError
from hw.panel.actions import END_PUSH_TO_TALK, ButtonAction, parse_action
from hw.panel.gestures import GESTURES, STUCK, GestureTiming
from hw.panel.patterns import WHITE, Pattern, parse_pattern
from hw.setting import setting

PULLS = {"up": "up", "down": "down", "none": "floating"}
MIN_DIGITS, MAX_DIGITS = 3, 16  # of a door's code
OPENERS = ("button", "code", "page", "http", "mqtt")
MAX_ON_MS = 30_000  # no door opener needs more, and many burn out
STATES = (  # most important first: what a visitor must see, then what an installer must see
    "door_open",
    "ringing",
    "reconnecting",
    "held",
    "muted",
    "dialling",
    "in_call",
    "error",
    "no_sound",
    "offline",
    "do_not_disturb",
    "booting",
    "ready",
)

# What a button that names no action does, and what a light that names no pattern shows; as in config.toml.
DEFAULT_ACTIONS = {"short": "accept"}
DEFAULT_PATTERNS = {
    "booting": "pulse 1000",
    "offline": "flash 2 2000",
    "ready": "steady",
    "no_sound": "flash 3 2000",
    "error": "flash 4 2000",
    "do_not_disturb": "30% steady",
}


def _action(when: str) -> Any:
    help_ = f"what to do {when}: accept, reject, hang_up, mute, call:WHOM, ..."
    return setting("", help_, kind="action")


@dataclass(frozen=True)
class ButtonSettings:
    """[buttons.NAME]: one contact, and what its gestures do."""

    pin: int = field(metadata={"help": "GPIO number of the contact", "kind": "pin", "min": 0, "max": 53})
    pull: str = setting("up", "resistor inside the chip", choices=tuple(PULLS))
    active_low: bool = setting(True, "whether the contact, when pressed, pulls the pin low")
    label: str = setting("", "what the page calls it; empty: the name of the section")
    debounce_ms: int = setting(20, "how long a level must stand still", min=1, max=200)
    long_ms: int = setting(800, "from when on a press is long", min=200, max=10_000)
    held_ms: int = setting(3000, "from when on it is held", min=300, max=30_000)
    double_ms: int = setting(350, "time for a second press", min=100, max=2000)
    stuck_s: int = setting(60, "from when on it is reported stuck", min=10, max=3600)
    short: str = _action("after a short press")
    long: str = _action("after a long press")
    double: str = _action("after two short presses")
    held: str = _action("while it is held for held_ms")
    press: str = _action("at once when it is pressed")
    release: str = _action("when it is let go")

    def __post_init__(self) -> None:
        if self.long_ms >= self.held_ms:
            raise SettingError(f"held_ms ({self.held_ms}) must be greater than long_ms ({self.long_ms})")
        if self.held_ms >= 1000 * self.stuck_s:
            raise SettingError(f"held_ms ({self.held_ms}) must be less than stuck_s ({self.stuck_s} s)")
        if self.pull == ("down" if self.active_low else "up"):
            level = "low" if self.active_low else "high"
            raise SettingError(
                f'pull = "{self.pull}" holds the pin {level}, and that counts as pressed all the time; '
                f'expected pull = "{"up" if self.active_low else "down"}", or the other active_low'
            )
        for at_once, later in (("press", "short"), ("press", "double"), ("release", "short"), ("release", "double")):
            if getattr(self, at_once) and getattr(self, later):
                raise ActionError(f"{at_once} and {later} both come of one {later} press; expected one of them")
        for gesture, action in self.bindings().items():
            if action.name == "push_to_talk" and gesture != "press":
                raise ActionError(f"push_to_talk needs the moment of the press; bind it to press, not to {gesture}")
        if self.release and self.talks:
            raise ActionError("release = is taken: letting go ends push_to_talk")

    @property
    def talks(self) -> bool:
        """Whether it is a push-to-talk button."""
        return "push_to_talk" in self.press

    def bindings(self) -> dict[str, ButtonAction]:
        """Map gestures to actions; a button that names none does DEFAULT_ACTIONS. Raises ActionError.

        Push-to-talk ends with the release, and when the button is stuck.
        """
        texts = {name: text for name in GESTURES if (text := getattr(self, name))} or DEFAULT_ACTIONS
        bound = {name: self._action(name, text) for name, text in texts.items()}
        if "press" in bound and bound["press"].name == "push_to_talk":
            end = ButtonAction(END_PUSH_TO_TALK)
            bound.update({"release": end, STUCK: end})
        return bound

    @staticmethod
    def _action(gesture: str, text: str) -> ButtonAction:
        try:
            return parse_action(text)
        except ActionError as error:
            raise ActionError(f"{gesture} = {error}") from None

    def timing(self) -> GestureTiming:
        """Return the times in seconds."""
        return GestureTiming(self.long_ms / 1000, self.held_ms / 1000, self.double_ms / 1000, float(self.stuck_s))


def _pin(what: str) -> Any:
    return setting(None, f"GPIO number of {what}", kind="pin", min=0, max=53)


def _shown(when: str) -> Any:
    return setting("", f"pattern {when}; empty: leave it to lesser states", kind="pattern")


@dataclass(frozen=True)
class LightSettings:
    """[lights.NAME]: one light, or one RGB light, and what it shows in which state."""

    pin: int | None = _pin("a plain light")
    red: int | None = _pin("the red part of an RGB light")
    green: int | None = _pin("the green part")
    blue: int | None = _pin("the blue part")
    active_low: bool = setting(False, "whether a low pin lights it (common anode)")
    label: str = setting("", "what the page calls it; empty: the name of the section")
    booting: str = _shown("while the program starts")
    offline: str = _shown("without a connection to the service")
    ready: str = _shown("while calls can come")
    ringing: str = _shown("while somebody calls")
    dialling: str = _shown("while a call is being made")
    in_call: str = _shown("during a call")
    muted: str = _shown("while the microphone is off in a call")
    reconnecting: str = _shown("while a call is being saved")
    held: str = _shown("while the far end has put the call on hold")
    no_sound: str = _shown("without a sound card")
    error: str = _shown("when something needs the installer")
    door_open: str = _shown("while the door is released")
    do_not_disturb: str = _shown("while calls are not wanted")

    def __post_init__(self) -> None:
        rgb = [pin for pin in (self.red, self.green, self.blue) if pin is not None]
        if (self.pin is None) == (not rgb) or len(rgb) not in (0, 3):
            raise SettingError("a light needs either pin, or all of red, green and blue")
        for state, pattern in self.patterns().items():
            if self.pin is not None and pattern.colour != WHITE:
                raise PatternError(f"{state}: a light with one pin has one colour; expected a pattern without a colour")

    def patterns(self) -> dict[str, Pattern]:
        """Map states to patterns, most important first; only those that this light knows. PatternError.

        A light that names none shows DEFAULT_PATTERNS.
        """
        texts = {state: text for state in STATES if (text := getattr(self, state))} or DEFAULT_PATTERNS
        return {state: self._pattern(state, texts[state]) for state in STATES if state in texts}

    @staticmethod
    def _pattern(state: str, text: str) -> Pattern:
        try:
            return parse_pattern(text)
        except PatternError as error:
            raise PatternError(f"{state} = {error}") from None


@dataclass(frozen=True)
class RelaySettings:
    """[door], [doors.NAME]: the relay that releases a door, and what may do so."""

    pin: int | None = setting(None, "GPIO number of the relay; absent: no door", kind="pin", min=0, max=53)
    active_low: bool = setting(False, "whether a low pin closes the relay")
    open_ms: int = setting(3000, "how long the door is released", min=100, max=MAX_ON_MS)
    opened_by: tuple[str, ...] = setting(OPENERS, "what may open it; nothing else does", choices=OPENERS)


@dataclass(frozen=True)
class DoorSettings:
    """[door]: the code that a caller dials to open it."""

    code: str = field(
        default="", repr=False, metadata={"help": "digits that a caller dials; empty: no code opens", "secret": True}
    )
    tries: int = setting(3, "wrong codes before the lock-out", min=1, max=20)
    lockout_s: int = setting(300, "how long no code is taken then", min=1, max=86_400)
    entry_s: int = setting(8, "longest pause between two digits", min=1, max=60)

    def __post_init__(self) -> None:
        if self.code:
            check_digits(self.code)


def check_digits(code: str) -> None:
    """Make sure that this can be a code; raises SettingError."""
    if not (code.isascii() and code.isdecimal()):
        raise SettingError("code must consist of the digits 0 to 9; # and * are for ending and correcting")
    if not MIN_DIGITS <= len(code) <= MAX_DIGITS:
        raise SettingError(f"code must have {MIN_DIGITS} to {MAX_DIGITS} digits")
