"""What must not be shown of a settings file, wherever it stands."""

from __future__ import annotations

import re


def looks_secret(text: str) -> bool:
    """Tell whether a text is what files of secrets hold: a token, a key, JSON. It must not be shown."""
    is_json_or_pem = text.lstrip()[:1] == "{" or "-----" in text or "\n" in text
    return is_json_or_pem or bool(re.search(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", text))
