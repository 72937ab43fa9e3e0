"""The tips reflector's reply as a JSON schema that holds only changes that can be carried out.

For an engine that keeps a model to the schema of every request; validation stays that of
`TipsReply` and `check_changes`.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from pydantic import create_model

from tapgraph.agents.run.experience import MOST_CHANGES, names_of_learnt
from tapgraph.agents.run.replies import TipsReply, closed_object
from tapgraph.memory import Tip

__all__ = ["offered_tips", "offered_tips_and_chain"]

JsonSchema: TypeAlias = dict[str, Any]

_LONGEST_TIP = 400
_TIP: JsonSchema = {"type": "string", "pattern": rf"^\w.{{0,{_LONGEST_TIP - 1}}}$"}
_BECAUSE: JsonSchema = {"type": "string", "pattern": r"^\w.{0,299}$"}
_POLARITY: JsonSchema = {"type": "string", "enum": ["do", "avoid"]}


def offered_tips(known: Sequence[Tip]) -> type[TipsReply]:
    """`TipsReply` with the schema of at most three changes, of tips that a run may change.

    Args:
        known: the tips as the prompt numbers them.
    """
    return _reply_for(tuple(names_of_learnt(known)), ("tips",))


def offered_tips_and_chain(known: Sequence[Tip]) -> type[TipsReply]:
    """The same with a chain of calls, as the API agent asks for it."""
    return _reply_for(tuple(names_of_learnt(known)), ("tips", "chain"))


@lru_cache(maxsize=64)
def _reply_for(names: tuple[str, ...], parts: tuple[str, ...]) -> type[TipsReply]:
    changes = [_change(("add",), tip=_TIP, polarity=_POLARITY)]
    if names:
        enum: JsonSchema = {"type": "string", "enum": list(names)}
        meant = {"type": "array", "items": enum, "minItems": 1, "maxItems": len(names)}
        changes.append(_change(("revise", "merge"), tip=_TIP, polarity=_POLARITY, of=meant))
        changes.append(_change(("retire",), of=meant))
    tips = {"type": "array", "items": {"anyOf": changes}, "maxItems": MOST_CHANGES}

    def narrow(schema: JsonSchema) -> None:
        told = schema["properties"] | {"tips": tips}
        schema["properties"] = {part: told[part] for part in parts}

    return create_model(
        TipsReply.__name__, __base__=TipsReply, __cls_kwargs__={"json_schema_extra": narrow}
    )


def _change(kinds: Sequence[str], **values: JsonSchema) -> JsonSchema:
    change: JsonSchema = {"type": "string", "enum": list(kinds)}
    return closed_object({"change": change, **values, "because": _BECAUSE})
