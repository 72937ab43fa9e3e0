"""The demonstrator behind OpenAI's protocol, for the server of the fixture `openai_server`."""

from typing import Any

from tapgraph.agents.mobile import replies
from tapgraph.evals.phone.demonstrator import Demonstrator
from tapgraph.llm_backend.messages import Message, TextPart


def demonstrate(request: dict[str, Any]) -> str:
    """Its reply to a request of the wire, found by the name of the schema."""
    name = request["response_format"]["json_schema"]["name"]
    messages = tuple(
        Message(message["role"], (TextPart(words(message["content"])),))
        for message in request["messages"]
    )
    return Demonstrator().reply(messages, schema=getattr(replies, name)).text


def words(content: str | list[dict[str, Any]]) -> str:
    """The text of a message without its pictures."""
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")
