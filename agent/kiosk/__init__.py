"""The box: everything wired together, and what its buttons, lights, door and calls mean to each other."""
