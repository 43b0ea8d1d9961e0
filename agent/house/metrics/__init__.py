"""The box in figures, for Prometheus."""
