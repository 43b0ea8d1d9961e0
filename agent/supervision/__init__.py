"""Keeping the parts of the agent alive: children, organs, limits of restarting, signs of life."""
