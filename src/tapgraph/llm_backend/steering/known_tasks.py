"""The task embeddings that requests may name."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from transformers import PreTrainedModel

from tapgraph.errors import UsageError
from tapgraph.llm_backend.steering.head_outputs import HeadOutputs
from tapgraph.llm_backend.steering.task_embedding import TaskEmbedding, check_shape

__all__ = ["KnownTasks"]


@dataclass(frozen=True, slots=True)
class KnownTasks:
    """Task embeddings by name.

    Attributes:
        by_name: all of them.
        default: for requests that name none; None for none.

    >>> KnownTasks().of(None) is None
    True
    """

    by_name: Mapping[str, TaskEmbedding] = field(default_factory=dict)
    default: str | None = None

    def __post_init__(self) -> None:
        self.of(None)

    def of(self, name: str | None) -> TaskEmbedding | None:
        """The embedding of this name; None stands for the default, an empty text for no task.

        Raises:
            UsageError: none has this name.
        """
        wanted = self.default if name is None else name
        if not wanted:
            return None
        if wanted not in self.by_name:
            known = f"there are {', '.join(self.by_name)}" if self.by_name else "there is none"
            raise UsageError(f"no task embedding is called {wanted!r}; {known}")
        return self.by_name[wanted]

    def check(self, model: PreTrainedModel) -> None:
        """Raise unless all of them fit a model.

        Raises:
            UsageError: one does not, or the model is of a kind that has none.
        """
        if self.by_name:
            heads = HeadOutputs(model)
            for embedding in self.by_name.values():
                check_shape(embedding, heads)
