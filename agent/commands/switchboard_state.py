"""What is changed by hand in a switchboard's state folder: the credentials of its boxes, and its authority."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from agent.terminal import say

KEY = "api_key.json"
SERVICE = Path("/var/lib/kiosk-agent-switchboard")  # systemd/kiosk-agent-switchboard.service


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `box add|remove|list` and `authority add|switch|forget`."""
    subjects = parser.add_subparsers(dest="subject", metavar="SUBJECT", help="box, authority")
    box = _subject(subjects, "box", "credentials, each good for one name only")
    add = _act(box, "add", _add_box, "make a credential for a box, and write it into a file of its own")
    add.add_argument("name", metavar="NAME", help="the name by which the box is called: its [box] identity")
    add.add_argument("--to", metavar="FILE", type=Path, help="the file for the box (default: NAME.json in this folder)")
    remove = _act(box, "remove", _remove_box, "end a credential at once, and the calls of its box")
    remove.add_argument("name", metavar="NAME", help="the name of the box")
    _act(box, "list", _list_boxes, "print the names of the boxes that have a credential")
    authority = _subject(subjects, "authority", "what clients trust")
    _act(authority, "add", _add_authority, "put a new authority beside the one that signs; copy ca.pem to the clients")
    _act(authority, "switch", _switch_authority, "let the one beside sign, and keep the other one beside it")
    _act(authority, "forget", _forget_authority, "remove the one beside")


def perform(options: argparse.Namespace) -> int:
    """Do one of them; UsageError when it makes no sense."""
    doing: Callable[[argparse.Namespace, Path], None] = options.doing
    doing(options, folder_of(options))
    return 0


def folder_of(options: argparse.Namespace) -> Path:
    """Choose the state folder; InvalidArgumentError for one that is not a switchboard's."""
    from agent.config import load_for_switchboard
    from agent.errors import InvalidArgumentError
    from agent.switchboard.state_dir import default_folder

    configured = load_for_switchboard(options.config).switchboard.state_dir if options.config else ""
    folder = Path(options.state_dir or configured or _usual_folder(Path(default_folder())))
    if not (folder / KEY).is_file():
        raise InvalidArgumentError(
            f"{folder} is no switchboard's state folder: it has no {KEY}; "
            "check --state-dir, or start the switchboard there once"
        )
    return folder


def _usual_folder(own: Path) -> Path:
    """Choose this user's own folder, unless there is only that of the service."""
    return SERVICE if not (own / KEY).is_file() and (SERVICE / KEY).is_file() else own


_Subparsers = argparse._SubParsersAction  # what `add_subparsers` returns has no other name


def _subject(
    subjects: _Subparsers[argparse.ArgumentParser], name: str, summary: str
) -> _Subparsers[argparse.ArgumentParser]:
    return subjects.add_parser(name, help=summary).add_subparsers(dest="act", metavar="ACT", required=True)


def _act(
    acts: _Subparsers[argparse.ArgumentParser],
    name: str,
    doing: Callable[[argparse.Namespace, Path], None],
    summary: str,
) -> argparse.ArgumentParser:
    act = acts.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    # said here, too, for those who write it last; not said, it leaves what was said before
    act.add_argument("--state-dir", metavar="DIR", default=argparse.SUPPRESS, help="the switchboard's state folder")
    act.add_argument("--config", metavar="FILE", type=Path, default=argparse.SUPPRESS, help="settings that name it")
    act.set_defaults(doing=doing)
    return act


def _add_box(options: argparse.Namespace, folder: Path) -> None:
    from agent.errors import InvalidArgumentError, LocalFault
    from agent.files import write_private
    from agent.switchboard.box_keys import BoxKeys, as_json
    from agent.switchboard.state_dir import load_api_key

    if options.to is None and "/" in options.name:
        raise InvalidArgumentError(f"{options.name!r} is no name for a file; choose one with --to")
    path = options.to or Path(f"{options.name}.json")
    if path.exists():
        raise InvalidArgumentError(f"{path} exists; move it away, or choose another file with --to")
    site = load_api_key(folder)
    boxes = BoxKeys(folder)
    key = boxes.add(options.name, site.account_sid, site.application_sid)
    try:
        write_private(path, as_json(key))
    except OSError as error:
        boxes.remove(options.name)
        raise LocalFault(f"{path} cannot be written: {error.strerror}; choose another file with --to") from error
    say(f"{path}: take it to the box, as [token] key_file")


def _remove_box(options: argparse.Namespace, folder: Path) -> None:
    from agent.switchboard.box_keys import BoxKeys

    BoxKeys(folder).remove(options.name)


def _list_boxes(options: argparse.Namespace, folder: Path) -> None:
    from agent.switchboard.box_keys import BoxKeys

    for key in BoxKeys(folder).all():
        say(key.identity)


def _add_authority(options: argparse.Namespace, folder: Path) -> None:
    from agent.switchboard.trust import Trust

    trust = Trust(folder)
    trust.add()
    say(f"{trust.ca_file} has both now: take it to every client, then `authority switch`")


def _switch_authority(options: argparse.Namespace, folder: Path) -> None:
    from agent.switchboard.trust import Trust

    Trust(folder).switch()
    say("the other authority signs: a switchboard that runs uses it within a minute")


def _forget_authority(options: argparse.Namespace, folder: Path) -> None:
    from agent.switchboard.trust import Trust

    Trust(folder).forget()
