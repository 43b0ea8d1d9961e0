"""`python -m agent` is the command line."""

import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is no traceback while the program is being read, either

from agent.cli import main  # noqa: E402

sys.exit(main())
