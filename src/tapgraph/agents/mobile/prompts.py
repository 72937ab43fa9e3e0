"""The prompts of the phone agent."""

from functools import partial

from tapgraph.agents.run.conversation import conversation_from

__all__ = ["conversation"]

conversation = partial(conversation_from, "tapgraph.agents.mobile")
"""See `conversation_from`."""
