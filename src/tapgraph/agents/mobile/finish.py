"""Says how the run ended, in one place."""

from typing import Any

from tapgraph.agents.mobile.state import PhoneState, Stop
from tapgraph.agents.run.outcome import Outcome

__all__ = ["finish"]


def finish(state: PhoneState) -> dict[str, Any]:
    """The stop that some node called for, or the one that the Manager's plan amounts to.

    A plan that the Manager calls finished counts as success only in the published pipeline; the
    default one comes here from the Verifier, with a stop.
    """
    if state.get("stop") is not None:
        return {}
    if state["plan"].status == "finished":
        return {"stop": Stop(Outcome.SUCCESS, "the Manager declared the task finished")}
    return {"stop": Stop(Outcome.GAVE_UP, "the Manager holds the task for impossible")}
