"""The jitter buffer: when which packet is played, and what is played where one is missing."""
