"""A call on its way to its end: who waits for it, what interrupts it, and what is raised in the end.

What is raised for the caller's own exceptions (of a signal handler, a cancellation, `on_progress`, the token function,
a logger) is never decided by their class, since they may be errors of this package as well.

Functions that pass an error of this package on say `__tracebackhide__`, here and in the other modules: notebooks and
pytest then show the caller's line, and not the way through this package.
"""

from __future__ import annotations

import sys
from os import getpid
from time import sleep

from . import _log
from ._errors import ConfigError, from_core
from ._native import Bell, Failure

try:
    from _thread import get_native_id
except ImportError:  # a system whose threads have no numbers

    def get_native_id() -> int:
        """No number of a process."""
        return -1


if sys.platform == "win32":
    from select import select
else:
    select = None  # signals interrupt a wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable
    from typing import Any, Generic, Literal, TypeVar

    from typing_extensions import Self

    from ._errors import PortalError
    from ._native import Call as Native
    from ._native import Job, Progress

    E = TypeVar("E", bound=BaseException)
    T = TypeVar("T")
    # What a call ends with: a report, or plain values that were read.
    R = TypeVar("R")
    Turn = Literal["done", "token_wanted", "news"]
else:
    # Importing `typing` takes longer than all the rest.
    R = object

    class Generic:
        """Takes what only type checkers look at."""

        __slots__ = ()

        def __class_getitem__(cls, _):
            """The class itself."""
            return cls


# Between looks at a call that has no descriptor for a bell, or is being stopped.
PAUSE = 0.02
# Where no signal interrupts a wait, that has to end by itself now and then, so that Ctrl-C is heard.
GLANCE = 0.1


def is_main_thread() -> bool:
    """Whether this is the main thread of the process, which alone outlives the end of the interpreter.

    gevent replaces `threading.get_ident()`, and after a fork from a thread `threading.main_thread().native_id` is
    wrong; the kernel knows. Where it does not (only Linux numbers the main thread like its process), every thread
    waits as threads do, which is a little slower.
    """
    return get_native_id() == getpid()


class Call(Generic[R]):
    """A native call with what Python knows about it: what a batch was stopped for, and whether it was told."""

    __slots__ = (
        "__weakref__",
        "_ask_for_token",
        "_is_settled",
        "_is_told",
        "ended_by",
        "interrupt",
        "native",
        "on_progress",
        "refused_by",
    )

    def __init__(
        self,
        native: Native,
        ask_for_token: Any,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> None:
        self.native = native
        # Here, and in no frame of a call: what shows it may show what it is made of.
        self._ask_for_token = ask_for_token
        self.on_progress = on_progress
        # What a batch was stopped for, what got the call's end as its cause, and what an awaited token function raised.
        # Their frames know this call, so it forgets them in the end.
        self.interrupt: BaseException | None = None
        self.ended_by: BaseException | None = None
        self.refused_by: BaseException | None = None
        self._is_told = False
        self._is_settled = False
        if on_progress is not None:
            native.follow_progress()
        native.watch(_log.is_read())

    def run(self) -> Turn:
        """Runs until its turn ends, on this thread if it is the main one."""
        if is_main_thread():
            return self.native.run(self.signalled)
        # Any other thread waits below no native frame: when the interpreter ends, it may be stopped there.
        with _Ear() as ear:
            self.native.spawn(ear.bell)
            while (turn := self.native.turn()) is None:
                try:
                    ear.wait()
                except BaseException as interrupt:
                    self.signalled(interrupt)
            return turn

    def signalled(self, interrupt: BaseException) -> None:
        """Takes what a signal handler raised: the first one stops a batch. Any other is raised again."""
        if not self.stop(interrupt):
            try:
                raise interrupt
            finally:
                del interrupt  # which knows this frame

    def stop(self, interrupt: BaseException, *, warned: bool = True) -> bool:
        """Ends the call for what is raised in the end. False: it is over, and that is raised at once."""
        if self.interrupt is not None or not self.native.interrupt():
            return False
        self.interrupt = interrupt
        if warned:
            _log.warn_stopping()
        return True

    @property
    def is_stopping(self) -> bool:
        """Whether it is being stopped."""
        return self.interrupt is not None

    def tell(self) -> None:
        """Logs what the call has to tell and hands on how far it has come. An exception stops a batch."""
        try:
            _log.tell(self.native)
            if self.on_progress is not None:
                progress = self.native.progress()
                if progress is not None:
                    self.on_progress(progress)
        except BaseException as error:
            # Nothing is in flight here that could be dropped.
            if not self.stop(error, warned=False):
                raise

    def ask(self) -> object:
        """What the token function returns: handed on as it is, since a token belongs in no variable."""
        try:
            return self._ask_for_token()
        except Exception as error:
            self.refuse(error)
            raise

    def provide(self, token: object) -> None:
        """Hands over what the token function returned."""
        try:
            if isinstance(token, str):
                self.native.provide_token(token)
            else:
                self.native.refuse_token(f"the callable returned {type(token).__name__}, not a str")
        finally:
            del token

    def refuse(self, error: BaseException) -> None:
        """Ends a call whose token function failed. The error's words stay out of ours: they may hold a secret."""
        self.native.fail_token(f"the callable raised {type(error).__name__}")

    def report(self) -> R:
        """The result of a call that is done; raises its error, or what a batch was stopped for."""
        __tracebackhide__ = True
        result: Any = self.native.result()
        if result is None:
            raise self.interrupt or RuntimeError("nobody ended the call")
        if isinstance(result, Failure):
            raise self._settled(from_core(result))
        self._is_settled = True
        return result  # type: ignore[no-any-return]

    def end(self, raised: BaseException) -> None:
        """Ends the call for an exception that is about to be raised, which gets what may have happened as its cause."""
        if raised is self.ended_by:
            return
        failure = self.native.abandon()
        if failure is None:
            self._settled(raised)
            return
        error = _stubborn(lambda: from_core(failure))
        if failure.is_loss() and not self._is_told:
            _stubborn(lambda: _log.warn_dropped(failure))
            self._is_told = True
        self._settled(raised, error)

    def _settled(self, raised: E, error: PortalError | None = None) -> E:
        if error is not None:
            # What led to the exception stays behind the error.
            if raised.__cause__ is not None:
                error.__cause__ = raised.__cause__
            elif raised.__context__ is not None:
                error.__context__ = raised.__context__
            elif self.interrupt is not raised:
                error.__context__ = self.interrupt
            raised.__cause__ = error
        self.ended_by = raised
        self._is_settled = True
        return raised

    def __del__(self) -> None:
        # Nobody waits for it any more: an interrupt came just before it could be asked for its end.
        if getattr(self, "_is_settled", True):  # it may be interrupted while it is made
            return
        failure = self.native.abandon()
        if failure is not None and failure.is_loss():
            _log.warn_dropped(failure)


def drive(call: Call[R]) -> R:
    """Runs a call to its end. Its result, or what is raised in the end."""
    try:
        __tracebackhide__ = True
        try:
            return _to_its_end(call)
        except BaseException as raised:
            call.end(raised)
            raise
    except BaseException as raised:
        # Another one may have come while the first was looked after.
        call.end(raised)
        raise
    finally:
        # No call: a signal handler runs where one begins or ends, and here nobody would tell what may have happened.
        call.interrupt = call.ended_by = call.refused_by = call.on_progress = None


def _to_its_end(call: Call[R]) -> R:
    __tracebackhide__ = True
    while True:
        turn = call.run()
        call.tell()
        if turn == "done":
            return call.report()
        if turn == "token_wanted":
            call.provide(call.ask())


def _stubborn(act: Callable[[], T]) -> T:
    """Does what a signal may interrupt: then once more, since somebody has to receive it."""
    try:
        return act()
    except Exception:
        raise
    except BaseException:
        return act()


def is_closed(socket: _socket.socket) -> bool:
    """Whether something else has closed its descriptor, which does not end a call."""
    try:
        socket.getsockname()
    except OSError:
        return True
    return False


class _Ear:
    """Waits for a bell, on a thread of its own; without descriptors, by looking now and then."""

    __slots__ = ("_socket", "bell")

    def __init__(self) -> None:
        self.bell: Bell | None = None
        self._socket: _socket.socket | None = None
        try:
            import _socket  # gevent leaves it alone: this thread waits, and not one of its greenlets

            self.bell = Bell()
            descriptor = self.bell.take_descriptor()
            if descriptor is not None:
                self._socket = _socket.socket(fileno=descriptor)
                self._socket.settimeout(None)
        except (ImportError, OSError):
            self.bell = None

    def wait(self) -> None:
        if self.bell is None or self._socket is None:
            sleep(PAUSE)
            return
        try:
            if select is None or select([self._socket], [], [], GLANCE)[0]:
                self._socket.recv(1)
        except OSError:
            if not is_closed(self._socket):
                raise  # that of a signal handler
            self.bell = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            try:
                self._socket.close()
            except OSError:
                return  # something else has closed it


def finish(job: Job) -> Any:
    """Does work that may take a while, without keeping other threads from theirs."""
    __tracebackhide__ = True
    if is_main_thread():
        job.run()
    else:
        with _Ear() as ear:
            if not job.spawn(ear.bell):
                raise ConfigError("No thread can be started. Nothing was done.", outcome="not_processed")
            while not job.is_done():
                ear.wait()
    result = job.result()
    if isinstance(result, Failure):
        raise from_core(result)
    return result
