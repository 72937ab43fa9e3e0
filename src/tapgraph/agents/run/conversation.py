"""The words that each role is given: Markdown files, filled in one pass.

The parts that never change stand first and what is new stands last, so that a backend can reuse
what it has read already.
"""

from collections.abc import Mapping
from functools import cache

from tapgraph.llm_backend.messages import Message, system, user
from tapgraph.llm_backend.prompt import fill, load_prompt

__all__ = ["conversation_from"]

_load = cache(load_prompt)


def conversation_from(
    package: str,
    system_name: str,
    system_fields: Mapping[str, str],
    user_name: str,
    user_fields: Mapping[str, str],
) -> tuple[Message, Message]:
    """The system and the user message of one call, without pictures.

    `prompts/SYSTEM_NAME.system.md` and `prompts/USER_NAME.user.md` of the package are filled; a
    field that is missing or that the file does not have is an error.
    """
    return (
        system(fill(_load(package, f"{system_name}.system"), **system_fields)),
        user(fill(_load(package, f"{user_name}.user"), **user_fields)),
    )
