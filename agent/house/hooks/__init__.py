"""Hooks: a command that is run, or an address that is asked, when something happens at the box."""
