"""The demonstration: switchboard, box and caller in one command."""
