"""The prompts of the API agent."""

from functools import partial

from tapgraph.agents.run.conversation import conversation_from

__all__ = ["conversation"]

conversation = partial(conversation_from, "tapgraph.agents.api")
"""See `conversation_from`."""
