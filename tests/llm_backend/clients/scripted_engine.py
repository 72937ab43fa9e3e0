"""An engine without a model: what it says follows from the prompt, as a script has it."""

import threading
from collections.abc import Callable
from types import SimpleNamespace

from tapgraph.kernels.systems.dense import Dense
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.local.generation import (
    Delta,
    Finished,
    GenerationRequest,
    GenerationStream,
    TokenCount,
)
from tapgraph.llm_backend.steering.known_tasks import KnownTasks

__all__ = ["ScriptedEngine", "weather_script"]

_PIECE = 5
"""Characters of one delta, so that tags and calls are cut anywhere."""
_CALL = '<tool_call>\n{"name": "%s", "arguments": %s}\n</tool_call>'


class ScriptedEngine:
    """Takes what an `Engine` takes, and answers by a function of the prompt's text."""

    def __init__(self, checkpoint: Checkpoint, script: Callable[[str], str]) -> None:
        self.checkpoint = checkpoint
        self.context_tokens = checkpoint.context_tokens
        self.system = Dense()
        self.tasks = KnownTasks()
        self.statistics = SimpleNamespace(finished={})
        self._script = script

    def submit(
        self, request: GenerationRequest, notify: Callable[[], None] | None = None
    ) -> GenerationStream:
        """The reply comes from another thread, in small pieces."""
        stream = GenerationStream(notify)
        threading.Thread(target=self._tell, args=(request, stream)).start()
        return stream

    def _tell(self, request: GenerationRequest, stream: GenerationStream) -> None:
        tokens = request.prompt.tokens
        text = self._script(str(self.checkpoint.tokenizer.decode(list(tokens))))
        for begin in range(0, len(text), _PIECE):
            stream.put(Delta(text[begin : begin + _PIECE], ()))
        stream.put(Finished("stop", TokenCount(len(tokens), 0, len(text)), 0.0, 0.0, 0.0))


def weather_script(prompt: str) -> str:
    """A model that thinks, asks for the weather of a town, and tells it."""
    is_bound = "as JSON, please" in prompt
    last = prompt.rpartition("user\n")[2]
    if "<tool_response>" not in last and "get_weather" in prompt:
        calls = [_CALL % ("get_weather", '{"city": "Paris"}')]
        if "both towns" in prompt:
            calls.append(_CALL % ("get_weather", '{"city": "Rome"}'))
        thought = f"<think>I should look. {calls[0]}</think>\nI look. "
        return ("" if is_bound else thought) + "\n".join(calls)
    degrees = last.partition("<tool_response>")[2].partition("</tool_response>")[0].strip()
    if "final_result" in prompt:
        return _CALL % ("final_result", '{"city": "Paris", "degrees": 21}')
    if is_bound:
        return '{"city": "Paris", "degrees": 21}'
    return f"<think>Now I know.</think>It is {degrees or 'warm'}."
