"""The name of a box: the same after a restart, another one in a copy of its card."""

from __future__ import annotations

import uuid
from pathlib import Path

from agent.signaling.sip.instance import box_instance

MACHINE_ID = "0123456789abcdef0123456789abcdef"


def machine(root: Path, *, serial: str = "", machine_id: str = "", mac: str = "") -> Path:
    files = {"proc/device-tree/serial-number": f"{serial}\0" if serial else "", "etc/machine-id": machine_id,
             "sys/class/net/eth0/address": mac, "sys/class/net/eth0/addr_assign_type": "0" if mac else "",
             "sys/class/net/eth0/device": "" if not mac else "x"}  # fmt: skip
    for name, text in files.items():
        if text:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(f"{text}\n")
    return root


def test_a_board_is_known_by_its_serial_number_whatever_is_on_its_card(tmp_path: Path) -> None:
    before = box_instance(machine(tmp_path / "a", serial="10000000abcdef01", machine_id=MACHINE_ID))
    written_anew = box_instance(machine(tmp_path / "b", serial="10000000abcdef01", machine_id=MACHINE_ID[::-1]))
    copied = box_instance(machine(tmp_path / "c", serial="10000000abcdef02", machine_id=MACHINE_ID))

    assert before == written_anew != copied
    assert uuid.UUID(before).version == 5


def test_a_copied_disk_in_a_machine_without_a_serial_number_has_another_name(tmp_path: Path) -> None:
    one = box_instance(machine(tmp_path / "a", machine_id=MACHINE_ID, mac="02:00:00:00:00:01"))
    other = box_instance(machine(tmp_path / "b", machine_id=MACHINE_ID, mac="02:00:00:00:00:02"))

    assert one != other
    assert MACHINE_ID not in one.replace("-", "")  # it is not for strangers (machine-id(5))


def test_a_machine_that_says_nothing_of_itself_keeps_what_was_made_once(tmp_path: Path) -> None:
    nothing, state = machine(tmp_path / "a", machine_id="uninitialized"), tmp_path / "state"
    made = box_instance(nothing, state)

    assert box_instance(nothing, state) == made
    (state / "sip-instance").write_text("damaged")
    assert uuid.UUID(box_instance(nothing, state))


def test_this_machine_has_one_name(tmp_path: Path) -> None:
    assert box_instance(state=tmp_path) == box_instance(state=tmp_path)
