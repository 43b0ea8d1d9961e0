"""The front panel: buttons, lights, the door's relay, on the board's pins or virtual ones."""
