"""Whether anybody still waits for a reply.

Who runs a model in a thread and gives up waiting says so here; a model in this process then stops
its work, as a server does when its client hangs up.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["unwanted_when", "whether_unwanted"]

_WHETHER_UNWANTED: ContextVar[Callable[[], bool]] = ContextVar(
    "whether_unwanted", default=lambda: False
)


@contextmanager
def unwanted_when(question: Callable[[], bool]) -> Iterator[None]:
    """In this context, what models are asked is unwanted once the question is answered by yes."""
    token = _WHETHER_UNWANTED.set(question)
    try:
        yield
    finally:
        _WHETHER_UNWANTED.reset(token)


def whether_unwanted() -> Callable[[], bool]:
    """The question of this context; it may be asked in any thread."""
    return _WHETHER_UNWANTED.get()
