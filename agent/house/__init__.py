"""What the rest of the house hears of a box, and may ask of it: over MQTT, by hooks, in figures.

Each way is a room of its own below this one, loaded only where the settings ask for it. None knows the parts of a box:
they see `HouseBox`, and hear `Happening`s.
"""
