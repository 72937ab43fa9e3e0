"""Who answers: the gold, chance, shared words, or a language model."""

import json
import random
import threading

from pydantic import JsonValue

from tapgraph.errors import InvalidReply
from tapgraph.evals.shortcutsbench.freeze import ApiTexts
from tapgraph.evals.shortcutsbench.identifiers import FINISH
from tapgraph.evals.shortcutsbench.item import Item
from tapgraph.evals.shortcutsbench.question import Question, Said, prompt_of
from tapgraph.evals.shortcutsbench.reply_text import ApiReply, StepReply
from tapgraph.llm_backend.chat_model import ChatModel, Usage
from tapgraph.llm_backend.structured import ask
from tapgraph.tools.api.catalog import Api, ApiCatalog

__all__ = ["LexicalChooser", "ModelChooser", "OracleChooser", "RandomChooser"]

_LONGEST_NAME = 200


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

    BM25 (`ApiCatalog.search`) over the names and texts of the whole set, so that a word is rare or
    common by all APIs and not by a handful of candidates: a baseline that needs no model. When no
    candidate that is left shares a word with the query, it says `Finish`, where that is to choose
    or the item is a shortcut, and else repeats the best one. APIs without a text are never ranked.
    """

    name = "lexical"

    def __init__(self) -> None:
        self._rankings: dict[int, _Ranking] = {}
        self._lock = threading.Lock()

    def answer(self, question: Question) -> Said:
        """The best candidate that the history does not hold."""
        called = {action.identifier for action in question.history}
        ranked = self._ranking(question.apis).of(question.item)
        fresh = [identifier for identifier in ranked if identifier not in called]
        rest = [one for one in question.item.candidates if one not in called and one != FINISH]
        may_finish = not question.item.is_pre_experiment or FINISH in question.item.candidates
        if fresh:
            return Said(_reply(question, fresh[0]))
        if may_finish and called:
            return Said(_reply(question, FINISH))
        return Said(_reply(question, [*ranked, *rest, *question.item.candidates][0]))

    def _ranking(self, apis: ApiTexts) -> "_Ranking":
        with self._lock:
            found = self._rankings.get(id(apis))
            if found is None:
                found = self._rankings[id(apis)] = _Ranking(apis)
            return found


class _Ranking:
    """Candidates by how well they fit a query; kept, because each step of an item asks again."""

    def __init__(self, apis: ApiTexts) -> None:
        # Holding the texts keeps their id from being given to others.
        self.apis = apis
        self._names = {
            "_".join(name.split())[:_LONGEST_NAME]: name
            for name in sorted(apis.texts)
            if name.strip() and "".join(name.split()).isprintable() and name != FINISH
        }
        self._catalog = ApiCatalog(
            Api(identifier, apis.texts[name]) for identifier, name in self._names.items()
        )
        self._ranked: dict[str, tuple[str, ...]] = {}

    def of(self, item: Item) -> tuple[str, ...]:
        if item.id not in self._ranked:
            found = self._catalog.search(item.query, limit=max(1, len(self._names)))
            names = (self._names[api.identifier] for api in found)
            self._ranked[item.id] = tuple(one for one in names if one in item.candidates)
        return self._ranked[item.id]


class ModelChooser:
    """A language model behind `ChatModel`.

    A reply that is no call is kept as it is and scores as wrong; with `retries` the model is first
    told what is wrong with it, which the paper does not do.
    """

    def __init__(
        self, model: ChatModel, *, max_tokens: int | None = None, retries: int = 0
    ) -> None:
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
