"""Who answers: the gold, chance, shared words, or a language model."""

import json
import random

from pydantic import JsonValue

from tapgraph.errors import InvalidReply
from tapgraph.evals.shortcutsbench.identifiers import FINISH
from tapgraph.evals.shortcutsbench.question import Question, Said, prompt_of
from tapgraph.evals.shortcutsbench.reply_text import ApiReply, StepReply
from tapgraph.llm_backend.chat_model import ChatModel, Usage
from tapgraph.llm_backend.structured import ask
from tapgraph.tools.api.catalog import Api, ApiCatalog

__all__ = ["LexicalChooser", "ModelChooser", "OracleChooser", "RandomChooser"]


class OracleChooser:
    """Always right: what the harness must score 100 %."""

    name = "oracle"

    def answer(self, question: Question) -> Said:
        """The gold action, or `Finish` after the last one."""
        gold = question.item.gold
        if question.position >= len(gold):
            return Said(_reply(question, FINISH))
        action = gold[question.position]
        return Said(_reply(question, action.identifier, dict(action.parameters)))


class RandomChooser:
    """One of the candidates by a die: the level of chance."""

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def answer(self, question: Question) -> Said:
        """Any candidate, each as likely as the others; the same one for the same question."""
        dice = random.Random(f"{self._seed}/{question.item.seed}/{question.position}")
        return Said(_reply(question, dice.choice(question.item.candidates)))


class LexicalChooser:
    """The candidate that shares the most telling words with the query and was not called yet.

    BM25 (`ApiCatalog.search`) over the candidates' names and texts: a baseline that needs no model.
    When no candidate that is left shares a word with the query, it says `Finish`, where `Finish` is
    to choose from or the item is a shortcut, and else repeats the best one.
    """

    name = "lexical"

    def answer(self, question: Question) -> Said:
        """The best candidate that the history does not hold."""
        called = {action.identifier for action in question.history}
        ranked = self._ranked(question)
        fresh = [identifier for identifier in ranked if identifier not in called]
        rest = [one for one in question.item.candidates if one not in called and one != FINISH]
        may_finish = not question.item.is_pre_experiment or FINISH in question.item.candidates
        if fresh:
            return Said(_reply(question, fresh[0]))
        if may_finish and called:
            return Said(_reply(question, FINISH))
        return Said(_reply(question, (ranked or rest or [*question.item.candidates])[0]))

    def _ranked(self, question: Question) -> list[str]:
        names = [one for one in question.item.candidates if one != FINISH]
        catalog = ApiCatalog(
            Api(f"{number}.{'_'.join(name.split())[:200]}", question.apis.texts.get(name, ""))
            for number, name in enumerate(names)
        )
        found = catalog.search(question.item.query, limit=max(1, len(names)))
        return [names[int(api.identifier.partition(".")[0])] for api in found]


class ModelChooser:
    """A language model behind `ChatModel`.

    A reply that is no call is kept as it is and scores as wrong; with `retries` the model is first
    told what is wrong with it, which the paper does not do.
    """

    def __init__(self, model: ChatModel, *, max_tokens: int = 1024, retries: int = 0) -> None:
        self._model = model
        self._max_tokens = max_tokens
        self._retries = retries

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.traits.name

    def answer(self, question: Question) -> Said:
        """The model's last reply.

        Raises:
            ModelUnavailable: the server does not answer, or refuses the request.
        """
        schema = ApiReply if question.item.is_pre_experiment else StepReply
        try:
            asked = ask(
                self._model,
                prompt_of(question),
                schema,
                max_tokens=self._max_tokens,
                retries=self._retries,
            )
        except InvalidReply as error:
            usage = Usage(error.prompt_tokens, error.completion_tokens, error.cost_usd)
            text = error.replies[-1] if error.replies else ""
            return Said(text, usage, calls=len(error.replies))
        text = asked.replies[-1].text or asked.answer.model_dump_json()
        return Said(text, asked.usage, calls=len(asked.replies))


def _reply(question: Question, name: str, parameters: dict[str, JsonValue] | None = None) -> str:
    if question.item.is_pre_experiment:
        return json.dumps({"Thought": "", "api_name": name}, ensure_ascii=False)
    call = {
        "Thought": "",
        "WFWorkflowActionIdentifier": name,
        "WFWorkflowActionParameters": parameters or {},
    }
    return json.dumps(call, ensure_ascii=False)
