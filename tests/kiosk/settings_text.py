"""What stands at the head of config.toml for a box in a process of its own, at the switchboard of a `Site`."""

from __future__ import annotations

#: `format` it, and what a test puts behind it, with the site's `server` and `folder`
HEAD = """
[box]
identity = "box"
pins = "mock"
[signaling]
server = "{server}"
ca_file = "{folder}/state/ca.pem"
insights = "off"
[token]
key_file = "{folder}/state/api_key.json"
[sound]
driver = "none"
"""
