"""Everything that works in a box, in the supervisor's tree: what counts as progress, and what takes its place.

    part            stands still when                                        then
    registration    its greenlet ends, or a token is fetched for very long   it begins anew
    signaling       its next step is overdue, or it fails at each            another stream, under the calls that are on
    calls           a step of one of them is overdue                         that call ends, and both ends hear so
    reports         one is being sent for very long                          another publisher
    names           a look-up takes longer than the C library can            other threads look names up
    control, page   nobody is answered who asks                              another server on the same address
    door            the relay is not let go at its end                       it is let go
    lights, pins    their greenlet ends or stands still                      another greenlet
    media           its thread stands still                                  another thread; its calls end
    mqtt            its thread's next step is overdue                        another thread
    hooks           one has not ended in its time                            it is dropped, the others go on
    metrics         its greenlet ends                                        another server on the same address
    volume, sound watch, name watch                                          they begin anew

A part that spins holds up the whole hub, these looks included, and the lights stay as they are: the watchdog is not
fed, and systemd ends the process. In the media thread it is noticed here. A part that leaks is nobody's to mend:
`growth` ends a service while no call is on, long before the limits of its unit do.

While a part is down, and shortly after, it is a trouble: the lights show `error`, and the status says which. What a box
can do without, for a while, never ends the program: it is tried again for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from agent.kiosk.door import Doorway
from agent.kiosk.house import House
from agent.kiosk.media import MediaThread
from agent.kiosk.name_watch import NameWatch
from agent.kiosk.page import PageHost
from agent.kiosk.panel import Panel
from agent.kiosk.registration import Registrar
from agent.kiosk.sound_watch import SoundWatch
from agent.kiosk.speaker_volume import SpeakerVolume
from agent.net.resolve import lookups_overdue_s, replace_resolver
from agent.service.control import ControlServer
from agent.supervision.restart import RestartLimits
from agent.supervision.supervisor import Supervisor
from agent.voice.device import Device

FETCH_S = 120.0  # what a command, or a slow server, may take for a token
LOOK_S = 30.0
FOR_EVER = RestartLimits(limit=1_000_000_000, longest_pause_s=60.0)
HOUR = RestartLimits(limit=5, window_s=3600.0)  # each leaves threads behind


class Living(Protocol):
    """The box."""

    registrar: Registrar
    device: Device
    volume: SpeakerVolume
    sound_watch: SoundWatch
    name_watch: NameWatch
    page: PageHost
    control: ControlServer
    panel: Panel
    media: MediaThread
    doorway: Doorway
    house: House

    def replace_media(self) -> None: ...


def join_parts(box: Living, supervisor: Supervisor, stall_s: float) -> None:
    """Hand every part of the box to the supervisor."""
    child, vitals = supervisor.child, box.device.vitals

    def organ(name: str, overdue_s: Callable[[], float], restart: Callable[[], Any], **how: Any) -> None:
        supervisor.organ(name, overdue_s, stall_s, restart, **how)

    child("registration", box.registrar.run, stall_s=FETCH_S)
    organ("signaling", box.registrar.overdue_s, box.registrar.restart)
    organ("calls", vitals.calls_overdue_s, lambda: vitals.end_late_calls(stall_s))
    organ("reports", vitals.reports_overdue_s, vitals.replace_publisher, limits=FOR_EVER)
    organ("names", lookups_overdue_s, replace_resolver, limits=HOUR)
    child("control", box.control.run, limits=FOR_EVER)
    child("page", box.page.run, limits=FOR_EVER)
    organ("door", box.doorway.overdue_s, box.doorway.restart, limits=FOR_EVER)
    organ("lights", box.panel.lights.progress_s, box.panel.lights.restart)
    organ("pins", box.panel.progress_s, box.panel.restart)
    organ("media", box.media.progress_s, box.replace_media)
    child("volume", box.volume.run)
    child("sound watch", box.sound_watch.run, stall_s=LOOK_S)
    child("name watch", box.name_watch.run, stall_s=2 * LOOK_S)
    box.house.join(supervisor, stall_s, FOR_EVER)
