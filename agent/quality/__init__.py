"""Samples, scores, warnings and the events published about a call."""
