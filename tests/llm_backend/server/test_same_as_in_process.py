"""The server adds nothing to what the engine says."""

from typing import TYPE_CHECKING

import openai

from tapgraph.llm_backend.local.chat import ChatRequest, prepare_chat
from tapgraph.llm_backend.local.chat_prompt import ChatTurn
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.local.generation import Sampling
from tapgraph.llm_backend.messages import TextPart
from tapgraph.llm_backend.server.serving import Server

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny


def test_equal_seeds_give_equal_tokens_in_process_and_over_http(
    tiny: "Tiny", server: Server, client: openai.OpenAI
) -> None:
    words = "Open Notes and write milk."
    with Engine(tiny.load()) as engine:
        for seed, temperature in ((1, 0.0), (2, 1.0), (3, 1.7)):
            turns = (ChatTurn("user", (TextPart(words),)),)
            sampling = Sampling(temperature, seed=seed)
            chat = prepare_chat(
                engine.checkpoint,
                ChatRequest(turns, max_tokens=24, sampling=sampling, top_logprobs=0),
            )
            inside = engine.submit(chat.request).result()
            reply = client.chat.completions.create(
                model=server.model,
                messages=[{"role": "user", "content": words}],
                max_tokens=24,
                seed=seed,
                temperature=temperature,
                logprobs=True,
            )
            logprobs = reply.choices[0].logprobs
            assert logprobs is not None
            assert logprobs.content is not None
            raw = [score.chosen.raw for score in inside.scores]
            assert [bytes(token.bytes or []) for token in logprobs.content] == raw
            assert reply.choices[0].message.content == inside.text
