"""Whether a simulated phone is as a task of the suite `sim` wants it, without an evaluation."""

from pathlib import Path

from tapgraph.errors import UsageError
from tapgraph.evals.phone.sim_suite import sim_suite
from tapgraph.evals.suite import Evidence, Task
from tapgraph.tools.mobile.simulator.apps.kit_apps import KIT_APPS
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.phone_records import PhoneRecords
from tapgraph.tools.mobile.simulator.screen_of import screen_of

__all__ = ["task_named", "unmet"]


def task_named(name: str, seed: int) -> Task:
    """The task of that name, drawn with a seed.

    Raises:
        UsageError: there is none.
    """
    suite = sim_suite()
    names = [template.name for template in suite.templates]
    if name not in names:
        raise UsageError(f"the suite 'sim' has no task {name!r}; it has {', '.join(names)}")
    return suite.template(name).draw(seed)


def unmet(task: Task, phone: Phone | Path, *, answer: str = "", notes: str = "") -> list[str]:
    """The rubrics that do not hold, on a phone in this process or in a served one's folder."""
    seen = Evidence(
        screen=screen_of(phone) if isinstance(phone, Phone) else None,
        answer=answer,
        notes=notes,
        state=PhoneRecords(phone),
        packages={spec.label: spec.package for spec in KIT_APPS},
    )
    found = [(rubric.name, rubric.check(seen)) for rubric in task.rubrics]
    return [f"not so: {name}" for name, one in found if one is not None and not one.holds]
