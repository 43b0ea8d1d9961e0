"""Buttons, lights, relay and sound card; knows nothing of calls."""
