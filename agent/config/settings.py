"""Settings of the box as a whole: who it is, which pins it drives, how it lives as a service, who may open the door."""

from __future__ import annotations

from dataclasses import dataclass

from agent.supervision.restart import RestartLimits
from hw.errors import SettingError
from hw.setting import setting


@dataclass(frozen=True)
class BoxSettings:
    """The `[box]` section."""

    identity: str = setting("kiosk", "the name this box is called by", min_length=1, max_length=121,
                            kind="identity")
    pins: str = setting("auto", "gpiod: the board's pins; mock: virtual ones; auto: the board's where there is a board",
                        choices=("auto", "mock", "gpiod", "lgpio"))  # fmt: skip (lgpio: what gpiod was called once)
    chip: str = setting("", "label of the GPIO chip on a board that is no Raspberry Pi; empty: a Pi's")


@dataclass(frozen=True)
class ServiceSettings:
    """The `[service]` section."""

    log_level: str = setting("info", "the least important lines that are logged",
                             choices=("debug", "info", "warning", "error"))  # fmt: skip
    control_socket: str = setting("", "where `press` and `status` reach the agent; empty: in the runtime directory",
                                  kind="place")  # fmt: skip
    state_dir: str = setting("", "folder where the door's lock-out is remembered; empty: the service's state folder",
                             kind="place")  # fmt: skip
    stop_within_ms: int = setting(1_500, "how long an orderly stop may take", min=200, max=60_000)
    stall_ms: int = setting(5_000, "a part without progress for so long is restarted", min=2_000, max=60_000)
    restart_limit: int = setting(5, "so many restarts of one part within the window end the process", min=1, max=100)
    restart_window_ms: int = setting(60_000, "the window of restart_limit", min=1_000, max=3_600_000)

    @property
    def restart_limits(self) -> RestartLimits:
        """The limits as the supervisor takes them."""
        return RestartLimits(limit=self.restart_limit, window_s=self.restart_window_ms / 1000)


@dataclass(frozen=True)
class AnsweringSettings:
    """`[answering]`: what happens to calls that nobody touches."""

    auto_answer: tuple[str, ...] = setting(
        (), "callers that are answered without a button: client:reception, +4930*; * is everybody", kind="caller"
    )
    auto_answer_delay_ms: int = setting(1000, "how long it rings before it is answered by itself", min=0, max=60_000)
    max_ring_s: float = setting(60.0, "a call that nobody takes ends after this long; 0 is never", min=0)
    max_talk_s: float = setting(0.0, "a call is ended after this long; 0 is never", min=0)
    busy_calls: str = setting(
        "ignore",
        "a second call during a call: ignore it; reject it; or let it ring, accepting it ends the first",
        choices=("ignore", "reject", "ring"),
    )
    call_button_answers: bool = setting(
        True, "a press of a button that calls, while a call rings: answer that; false: nothing happens"
    )
    do_not_disturb: bool = setting(False, "start in do-not-disturb: no call rings")
    disturbing_calls: str = setting(
        "reject", "calls in do-not-disturb: reject them, or ignore them", choices=("reject", "ignore")
    )

    def __post_init__(self) -> None:
        """Raises SettingError when nothing rings long enough to be answered."""
        if self.auto_answer and 0 < self.max_ring_s * 1000 <= self.auto_answer_delay_ms:
            raise SettingError("auto_answer answers nothing: expected auto_answer_delay_ms shorter than max_ring_s")
