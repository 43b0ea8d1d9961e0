"""Settings that name files and folders; each kind is as in `agent.config.kinds`, and these load little."""

from __future__ import annotations

import base64
import errno
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.config.secrecy import looks_secret

Kind = Callable[[Any, Path], Any]


def file(value: Any, folder: Path) -> Any:
    """Check a file that exists; a relative name starts at the folder of config.toml; empty is none. ValueError."""
    if not value:
        return value
    if looks_secret(value):
        raise ValueError("the name of a file, not what stands in it")
    path = _path(value, folder)
    if path.is_dir():
        raise ValueError(f"a file ({path} is a folder)")
    if not path.is_file():
        raise ValueError(f"a file that exists ({path} does not)")
    return str(path)


def pem(value: Any, folder: Path) -> Any:
    """Check a file with certificates (RFC 7468 section 5); empty stands for none. Raises ValueError."""
    path = file(value, folder)
    if path and not _has_certificate(Path(path)):
        raise ValueError(f"a PEM file with a certificate ({path} has none that this user can read)")
    return path


def place(value: Any, folder: Path) -> Any:
    """Check the name of what the program makes itself, a folder or a socket; empty is the usual one. ValueError."""
    return str(_path(value, folder)) if value else value


def new_file(value: Any, folder: Path) -> Any:
    """Check a file that is to be written, in a folder that exists; empty stands for none. Raises ValueError."""
    if not value:
        return value
    path = _path(value, folder)
    if path.is_dir():
        raise ValueError(f"a file ({path} is a folder)")
    if not path.parent.is_dir():
        raise ValueError(f"a file in a folder that exists ({path.parent} does not)")
    return str(path)


def _path(value: str, folder: Path) -> Path:
    try:
        path = folder / Path(value).expanduser()
        path.stat()
    except RuntimeError:  # ~somebody who does not exist
        raise ValueError("a file of a user that exists") from None
    except ValueError:
        raise ValueError("the name of a file") from None
    except PermissionError:
        raise ValueError(f"a file that this user can reach ({path} is not)") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ValueError("a file with a shorter name") from None
        # what is not there is missed by whoever asks for it
    return path


def _has_certificate(path: Path) -> bool:
    try:
        text = path.read_text(encoding="latin-1")
    except OSError:
        return False
    found = re.findall(r"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----\s(.*?)-----END", text, re.DOTALL)
    try:
        return bool(found) and all(base64.b64decode(body)[:1] == b"\x30" for body in found)
    except ValueError:
        return False


FILE_KINDS: dict[str, Kind] = {"file": file, "new_file": new_file, "pem": pem, "place": place}
