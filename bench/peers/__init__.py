"""The phones that are compared; each module makes a call between two ends of the stage."""
