"""What a box does not load of gevent and numpy is there when somebody asks for it."""

from __future__ import annotations

import subprocess
import sys

LATE = "{'zope.interface', 'numpy.linalg', 'numpy.lib._npyio_impl', 'numpy._core._add_newdocs'}"


def run(*lines: str) -> None:
    script = "\n".join(("import sys; from agent.light_start import start_lightly", *lines))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_gevent_and_numpy_are_loaded_without_parts() -> None:
    run("start_lightly()", f"assert not {LATE} & set(sys.modules) and {{'gevent', 'numpy'}} <= set(sys.modules)")


def test_numpys_parts_work_when_they_are_called() -> None:
    run(
        "start_lightly()",
        "import io, numpy as np",
        "assert np.allclose(np.polyfit([0, 1, 2], [1, 3, 5], 1), [2, 1])",
        "np.save(file := io.BytesIO(), np.arange(3)); file.seek(0)",
        "assert np.load(file).tolist() == [0, 1, 2] and np.loadtxt(['1 2']).tolist() == [1, 2]",
        "assert np.linalg.inv(np.eye(2)).tolist() == np.eye(2).tolist() and np.packbits([1]).tolist() == [128]",
        "assert 'numpy.lib._npyio_impl' in sys.modules and 'numpy.linalg' in sys.modules",
    )


def test_gevent_works_and_its_interfaces_can_be_loaded_whole() -> None:
    run(
        "start_lightly()",
        "import gevent, gevent.events, gevent.fileobject, gevent.pywsgi, gevent.subprocess, gevent.monkey",
        "import zope.interface",
        "assert gevent.spawn(lambda: 3).get(timeout=20) == 3",
        "assert zope.interface.implementedBy(gevent.events.EventLoopBlocked)",
    )


def test_what_is_loaded_already_is_used_as_it_is() -> None:
    run(
        "import gevent, numpy, zope.interface",
        "start_lightly()",
        "assert numpy.zeros.__doc__ and 'numpy.linalg' in sys.modules",
        "assert gevent.spawn(lambda: 3).get(timeout=20) == 3",
    )


def test_starting_twice_is_starting_once() -> None:
    run("start_lightly(); start_lightly()", "import numpy as np; assert np.linalg.det(np.eye(2)) == 1")
