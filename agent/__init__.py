"""An agent that turns a small computer with a speaker, a microphone, buttons and lights into a phone."""
