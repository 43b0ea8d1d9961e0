"""The one crossing between the gevent hub (main thread) and the asyncio loop (a native thread).

Nothing is monkey-patched, so the two schedulers know nothing of each other. Towards the hub there is a mailbox,
towards asyncio `call_soon_threadsafe`. Results and events share the one mailbox, so an event that was posted before a
task ended is delivered before that task's result.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Any, TypeVar

import gevent
from gevent.event import AsyncResult, Event

from agent.closing import Closing
from agent.errors import BridgeClosedError
from agent.mailbox import Mailbox
from agent.media.beat_loop import BeatLoop
from agent.spare_memory import give_back

log = logging.getLogger(__name__)

T = TypeVar("T")

ASK_S = 2.0  # between two questions whether the loop still turns
ASK_AT_REST_S = 10.0  # where neither side has said anything for as long: a question wakes up two threads
GC_THRESHOLDS = 700, 5, 1  # of what is not frozen everything is looked at each few thousand objects, in about 1 ms
UNHANDLED_PERIOD_S = 60.0


class BridgeResult(AsyncResult):  # type: ignore[misc]
    """The outcome of a coroutine, waited for on the hub; `cancel()` cancels the task behind it."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        super().__init__()
        self._cancel_task = cancel

    def cancel(self) -> None:
        """Cancel the task; idempotent; the result then raises `concurrent.futures.CancelledError`."""
        if not self.ready():
            self._cancel_task()


class LookupThreads(ThreadPoolExecutor):
    """The loop's executor, used by name look-ups only: daemon threads, so a dead resolver cannot hold up the exit."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run `fn` on a thread of its own."""
        future: Future[T] = Future()
        threading.Thread(target=self._settle, args=(future, fn, args, kwargs), name="lookup", daemon=True).start()
        return future

    @staticmethod
    def _settle(future: Future[T], fn: Callable[..., T], args: Any, kwargs: Any) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)


class Bridge(Closing):
    """Runs an asyncio loop in a native thread for the hub that created it."""

    def __init__(self) -> None:
        self.loop = BeatLoop()
        self.loop.set_default_executor(LookupThreads())
        self.loop.set_exception_handler(UnhandledErrors())
        self._mailbox = Mailbox()
        self._pending: set[BridgeResult] = set()
        self._closing = False
        self._ended = Event()
        self._asked_at = self._used_at = -ASK_AT_REST_S
        self._owes_answer = False
        self._thread = threading.Thread(target=self._run, name="media", daemon=True)
        self._thread.start()

    def post(self, fn: Callable[..., object], *args: Any) -> None:
        """Run `fn(*args)` in the hub, first in first out; any thread; `fn` must not block."""
        self._used_at = time.monotonic()
        self._mailbox.post(fn, *args)

    def call(self, fn: Callable[..., object], *args: Any) -> None:
        """Run `fn(*args)` in the asyncio loop and forget it; any thread; ignored once the loop has ended."""
        self._used_at = time.monotonic()
        self._ask(fn, *args)

    def spawn(self, coro: Coroutine[Any, Any, T]) -> BridgeResult:
        """Start a coroutine in the asyncio loop; returns its future result. Raises BridgeClosedError."""
        if self._closing:
            coro.close()
            raise BridgeClosedError("the media thread has ended; start the program again")
        tasks: list[asyncio.Task[T]] = []
        cancelled: list[bool] = []

        def start() -> None:
            if cancelled:
                coro.close()
                self.post(self._settle, result, None, CancelledError())
                return
            tasks.append(self.loop.create_task(coro))
            tasks[0].add_done_callback(lambda task: self.post(self._settle, result, *_outcome(task)))

        def cancel() -> None:
            cancelled.append(True)
            self.call(lambda: tasks and tasks[0].cancel())

        result = BridgeResult(cancel)
        self._pending.add(result)
        self.call(start)
        return result

    def run(self, coro: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Block the calling greenlet for the coroutine's result.

        A kill or the time limit cancels the task. Raises what the coroutine raises, TimeoutError, BridgeClosedError.
        """
        result = self.spawn(coro)
        try:
            value: T = result.get(timeout=timeout_s)
            return value
        except gevent.Timeout as timeout:
            result.cancel()
            if timeout_s is None or timeout.seconds != timeout_s:
                raise
            raise TimeoutError(f"the media thread did not finish within {timeout_s} s") from None
        except BaseException:
            result.cancel()
            raise

    def progress_s(self) -> float:
        """Return for how many seconds the asyncio loop has owed an answer; asks it now and then. Hub only."""
        now = time.monotonic()
        pause_s = ASK_S if now - self._used_at < ASK_AT_REST_S else ASK_AT_REST_S
        if not self._owes_answer and now - self._asked_at >= pause_s:
            self._asked_at, self._owes_answer = now, True
            self._ask(self._answer)
        return now - self._asked_at if self._owes_answer else 0.0

    def close(self, timeout_s: float = 5) -> None:
        """Cancel every task and end the thread; idempotent; blocks the calling greenlet for at most `timeout_s`."""
        if not self._closing:
            self._closing = True
            self.call(self.loop.stop)
        if not self._ended.wait(timeout_s):
            log.warning("the media thread did not end within %s s and is left behind", timeout_s)
        for result in list(self._pending):
            self._settle(result, None, BridgeClosedError("the media thread ended before the work was done"))

    def _run(self) -> None:
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(_cancel_tasks())
            self.loop.close()
        except Exception:
            log.exception("the media thread failed while it ended")
        finally:
            self.post(self._finish)

    def _ask(self, fn: Callable[..., object], *args: Any) -> None:
        try:
            self.loop.call_soon_threadsafe(fn, *args)
        except RuntimeError:
            log.debug("the media thread has ended; %r is not called", fn)

    def _answer(self) -> None:
        self._owes_answer = False

    def _settle(self, result: BridgeResult, value: Any, error: BaseException | None) -> None:
        if result not in self._pending:
            return
        self._pending.discard(result)
        if error is not None:
            result.set_exception(error)
        else:
            result.set(value)

    def _finish(self) -> None:
        self._ended.set()
        self._mailbox.close()


def _outcome(task: asyncio.Task[T]) -> tuple[T | None, BaseException | None]:
    if task.cancelled():
        return None, CancelledError()
    error = task.exception()
    return (None, error) if error is not None else (task.result(), None)


async def _cancel_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=2)
    await asyncio.get_running_loop().shutdown_asyncgens()


class UnhandledErrors:
    """What asyncio does with an error that nobody handled: one of a kind is told of in a minute.

    A datagram may be the cause, and whoever sends one can send it a thousand times a second.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[tuple[object, object], float] = {}

    def __call__(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log the error, unless one like it was logged a short while ago."""
        error, now = context.get("exception"), self._clock()
        frames = traceback.extract_tb(error.__traceback__)[-1:] if error else []
        kind = type(error), frames[0].lineno if frames else context.get("message")
        self._told = {kind: at for kind, at in self._told.items() if now - at < UNHANDLED_PERIOD_S}
        if kind not in self._told:
            self._told[kind] = now
            log.warning("in the media thread: %s", context.get("message"), exc_info=error)


_shared: Bridge | None = None


def shared_bridge() -> Bridge:
    """Return the process's bridge, made when first asked for; hub only."""
    global _shared
    if _shared is None or _shared._closing:
        _shared = Bridge()
        warm_up()
    return _shared


def warm_up() -> None:
    """Import what calls need, on a thread of its own, so that the first call need not wait a second for it."""
    threading.Thread(target=_import_and_settle, name="import", daemon=True).start()


def _import_and_settle() -> None:
    """Let what was imported be left alone by the garbage collector, so that it often looks at what calls leave behind.

    A call is one circle of objects, with the memory of TLS and SRTP; else hundreds of them wait for each other.
    What importing needed for a moment goes back to the system.
    """
    importlib.import_module("agent.media.peer")
    gc.collect()
    gc.freeze()
    gc.collect()
    gc.set_threshold(*GC_THRESHOLDS)
    give_back()


def close_shared_bridge(timeout_s: float = 5) -> None:
    """End the process's bridge, if there is one; idempotent."""
    global _shared
    bridge, _shared = _shared, None
    if bridge is not None:
        bridge.close(timeout_s)
