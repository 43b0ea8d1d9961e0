"""Life as a service: systemd, its journal and watchdog, signals, the control socket."""
