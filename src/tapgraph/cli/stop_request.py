"""Ctrl-C and SIGTERM as requests to finish."""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["stop_requests"]

_REQUESTS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_requests() -> Iterator[Callable[[], None]]:
    """Within the context these signals end nothing; what it gives waits for the first of them.

    The kernel may hand a signal to any thread, and Python's handlers run in the main thread, which
    a signal elsewhere does not wake from waiting for a lock. So it waits for the byte that Python
    writes in whichever thread took the signal. Only the main thread may enter.
    """
    reading, writing = socket.socketpair()
    with reading, writing:
        writing.setblocking(False)

        def wait() -> None:
            while reading.recv(1)[0] not in _REQUESTS:
                pass

        former_handlers = {number: signal.signal(number, _go_on) for number in _REQUESTS}
        former_fd = signal.set_wakeup_fd(writing.fileno())
        try:
            yield wait
        finally:
            signal.set_wakeup_fd(former_fd)
            for number, handler in former_handlers.items():
                signal.signal(number, handler)


def _go_on(*_: object) -> None:
    pass
