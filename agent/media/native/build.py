"""Builds the native core beside this file, where a C compiler and Python's headers are.

    python -m agent.media.native.build [FOLDER]

What was built is stamped with its own hash, its source and the Python that it was built for: `agent.media.native.core`
loads nothing else. A build that is cut leaves what was there, or what is refused.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import sys
import tempfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from agent.log import MOST_WHY, excerpt
from agent.terminal import say

FOLDER = Path(__file__).parent
SOURCE = FOLDER / "core.c"
MODULE = "_core"
STAMP = "_core.json"
NEEDED = "install gcc and python3-dev"
DECLARATIONS = """
typedef struct core core;
core *core_new(uintptr_t protect, uintptr_t unprotect);
void free(void *made);
const void *core_found(core *self);
const void *core_in(core *self);
int core_receive(core *self, uintptr_t context, int fd);
int core_source(core *self, char *host, int room);
int core_aim(core *self, int ipv6, const char *host, int port);
int core_encode(core *self, uintptr_t encode, uintptr_t encoder, const char *pcm, int samples);
int core_transmit(core *self, uintptr_t context, int fd, int second_byte, int sequence, uint32_t timestamp,
                  uint32_t ssrc);
int core_decode(uintptr_t decode, uintptr_t decoder, const char *packet, int length, void *pcm, int samples, int fec);
int core_describe(const char *data, int length);
"""


def build(folder: Path = FOLDER) -> Path:
    """Compile the core into `folder`, stamp it, and return its file. Raises what cffi and the compiler raise."""
    from cffi import FFI

    ffi = FFI()
    ffi.cdef(DECLARATIONS)
    ffi.set_source(MODULE, SOURCE.read_text(), extra_compile_args=["-O2"])
    # What the compiler and its helpers print is not what this prints.
    with tempfile.TemporaryDirectory(dir=folder) as workshop, contextlib.redirect_stdout(sys.stderr):
        made = Path(ffi.compile(tmpdir=workshop))
        target, stamp = folder / made.name, folder / STAMP
        draft = Path(workshop) / STAMP
        draft.write_text(json.dumps({"file": made.name, "sha256": fingerprint(made), **circumstances()}))
        made.replace(target)
        draft.replace(stamp)
    return target


def circumstances() -> dict[str, str]:
    """Describe what a core that is of use was built from, and for."""
    source = hashlib.sha256(SOURCE.read_bytes() + DECLARATIONS.encode()).hexdigest()
    python = EXTENSION_SUFFIXES[0].removeprefix(".").removesuffix(".so")  # SOABI, without all that sysconfig knows
    return {"source": source, "python": python, "machine": os.uname().machine}


def fingerprint(file: Path) -> str:
    """Hash a file, as the stamp has it. Raises OSError."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def main() -> int:
    """Build, and tell where, or in one line why not; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    try:
        say(f"built {build(parser.parse_args().folder)}")
    except Exception as error:  # whatever cffi, the compiler and a full disk may say
        say(f"the native core cannot be built ({excerpt(error, MOST_WHY)}); {NEEDED}", to=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
