"""The `[call]` section of config.toml: how this box makes, takes and keeps calls."""

from __future__ import annotations

from dataclasses import dataclass

from hw.setting import setting


@dataclass(frozen=True)
class CallSettings:
    """The options of `Device.setup` that an installer chooses (spec: device 2); a box recovers by default."""

    enable_ice_restart: bool = setting(True, "save a call whose network path breaks, instead of ending it")
    enable_ringing_state: bool = setting(True, "tell ringing from dialling in calls that this box makes")
    max_call_signaling_timeout_ms: int = setting(
        30_000, "how long a call waits for a lost connection to the service; 0: always", min=0, max=300_000
    )
    reconnect_limit_s: float = setting(30.0, "a call that could not be saved by then is ended", min=5, max=300)
