"""Which versions of the JavaScript SDK this program behaves like; it says so to the service.

The first is that of the interface, and of the first generation of the wire; the other that of the second generation.
"""

from __future__ import annotations

SDK_VERSION = "1.15.1"
SECOND_SDK_VERSION = "2.18.5"
