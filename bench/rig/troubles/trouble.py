"""One thing that can happen to a box."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager

from bench.rig.whole_box import WholeBox

#: begins as it is entered, lasts for the body and a while that the dice decide, and is over where it ends
Trouble = Callable[[WholeBox, random.Random], AbstractContextManager[None]]
