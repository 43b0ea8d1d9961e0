"""What the process listens to, as the kernel sees it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

ROUTING = "0"  # the family of rtnetlink(7)


def listening_sockets() -> set[str]:
    """The inodes of the routing sockets of this process that belong to a multicast group."""
    own = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            own.add(str(descriptor.readlink()))
    lines = [line.split() for line in Path("/proc/thread-self/net/netlink").read_text().splitlines()[1:]]
    joined = {line[-1] for line in lines if line[1] == ROUTING and int(line[3], 16)}
    return {inode for inode in joined if f"socket:[{inode}]" in own}
