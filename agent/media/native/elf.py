"""Whether a shared library is whole: loading one that is cut off would end the process. Pure."""

from __future__ import annotations

import struct

_MAGIC = b"\x7fELF"
_LOAD = 1  # type of a segment that is mapped
# By EI_CLASS: the size of an address, where the header has e_phoff and e_phentsize (e_phnum follows), and where a
# segment's header has p_offset and p_filesz (System V ABI, "Object Files"). By EI_DATA: the order of bytes.
_CLASSES = {1: (4, 28, 42, 4, 16), 2: (8, 32, 54, 8, 32)}
_ORDERS = {1: "<", 2: ">"}


def is_whole(data: bytes) -> bool:
    """Tell whether all that would be mapped is there; also of what is no library, which fails to load."""
    if data[:4] != _MAGIC:
        return True
    try:
        return all(end <= len(data) for end in _ends(data))
    except (IndexError, KeyError, struct.error):
        return False


def _ends(data: bytes) -> list[int]:
    """Where each segment that is mapped ends in the file, and the table of segments itself."""
    word, at_table, at_sizes, at_offset, at_size = _CLASSES[data[4]]
    order = _ORDERS[data[5]]
    form = f"{order}{'I' if word == 4 else 'Q'}"
    (table,) = struct.unpack_from(form, data, at_table)
    size, count = struct.unpack_from(f"{order}HH", data, at_sizes)
    ends = [table + size * count]
    for place in range(table, ends[0], size or 1) if ends[0] <= len(data) else ():
        if struct.unpack_from(f"{order}I", data, place) == (_LOAD,):
            offset, length = (struct.unpack_from(form, data, place + at)[0] for at in (at_offset, at_size))
            ends.append(offset + length)
    return ends
