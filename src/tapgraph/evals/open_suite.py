"""From a name or a file to a suite, in this process or again in another one."""

import dataclasses
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tapgraph.errors import UsageError
from tapgraph.evals.phone.mobile_eval_e import read_mobile_eval_e
from tapgraph.evals.phone.sim_suite import sim_suite
from tapgraph.evals.suite import Suite, Task, suite_of

__all__ = ["SUITES", "open_suite"]


def _sim(_data: Path | None) -> Suite:
    return sim_suite()


def _miniwob(data: Path | None) -> Suite:
    # Selenium takes long to load, and no other suite needs it.
    from tapgraph.evals.phone.miniwob import read_miniwob  # noqa: PLC0415

    return read_miniwob(data)


def _mobilegym(data: Path | None) -> Suite:
    from tapgraph.evals.phone.mobilegym import read_mobilegym  # noqa: PLC0415 - as above

    return read_mobilegym(data)


SUITES: Mapping[str, Callable[[Path | None], Suite]] = {
    "sim": _sim,
    "mobile-eval-e": read_mobile_eval_e,
    "miniwob": _miniwob,
    "mobilegym": _mobilegym,
}
"""Suites by name; each is given the folder of `--data`."""


def open_suite(source: str, data: Path | None = None) -> Suite:
    """The suite of that name, or the `suite` or the `tasks` of a Python file, which is run.

    Raises:
        UsageError: there is none, or it cannot be used.
    """
    if source in SUITES:
        suite = SUITES[source](data)
    elif source.endswith(".py"):
        suite = _suite_in(Path(source))
    else:
        raise UsageError(f"no suite is called {source!r}; use {', '.join(SUITES)} or FILE.py")
    return dataclasses.replace(suite, source=(source, str(data or "")))


def _suite_in(file: Path) -> Suite:
    if not file.is_file():
        raise UsageError(f"there is no file {str(file)!r}")
    spec = importlib.util.spec_from_file_location(f"tapgraph_suite_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{str(file)!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses in the file look their module up there.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found = getattr(module, "suite", None)
    if isinstance(found, Suite):
        return found
    tasks = getattr(module, "tasks", None)
    if not isinstance(tasks, list | tuple) or not all(isinstance(one, Task) for one in tasks):
        raise UsageError(
            f"{str(file)!r} must hold `suite = Suite(...)` or `tasks = [Task(...), ...]`"
        )
    return suite_of(tasks, name=file.stem)
