"""What can happen to a box: each trouble begins, lasts, and is over, in the place where it happens in the field."""

from __future__ import annotations

import signal

from bench.rig.troubles import box, disks, network, sound, strangers, switchboard
from bench.rig.troubles.trouble import Trouble

#: in this order the dice of `bench.soak` choose: another one makes another run of each seed
TROUBLES: dict[str, Trouble] = {
    "box: killed": box.die(signal.SIGKILL),
    "box: segmentation fault": box.die(signal.SIGSEGV),
    "box: stopped": box.stop,
    "box: no memory": box.no_memory,
    "box: no file descriptors": box.no_files,
    "sound server: killed": sound.server_killed,
    "sound server: stopped": sound.server_stopped,
    "sound card: pulled out": sound.card_pulled,
    "switchboard: killed": switchboard.killed,
    "switchboard: stopped": switchboard.stopped,
    "switchboard: signaling restarted": switchboard.signaling_restarted,
    "switchboard: garbage": switchboard.garbage,
    "switchboard: another authority": switchboard.impostor,
    "box: torn ca_file": box.torn_authority,
    "token: expired": box.token_expired,
    "network: socket cut": network.cut,
    "network: packets swallowed": network.black_hole,
    "network: link flaps": network.flaps,
    "names: silent": network.names("silent"),
    "names: refused": network.names("refuses"),
    "disk: full": disks.harmed("fill", "empty"),
    "disk: read-only": disks.harmed("forbid", "allow"),
    "control socket: junk": strangers.control_junk,
    "page: junk": strangers.page_junk,
}
