"""One file a command of the command line: `arguments(parser)` and `perform(options) -> exit status`."""
