"""The sound card, and everything between it and the call: tones, echo canceller, volume."""
