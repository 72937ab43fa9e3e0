"""Task embeddings of the tiny checkpoint."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tapgraph.llm_backend.calibration.calibration_file import fingerprint  # noqa: E402
from tapgraph.llm_backend.steering.head_outputs import HeadOutputs  # noqa: E402
from tapgraph.llm_backend.steering.task_embedding import TaskEmbedding  # noqa: E402


@pytest.fixture(scope="session")
def made_task() -> Any:
    """Makes a random embedding for a checkpoint that changes what it says."""

    def make(checkpoint: Any, name: str = "opposites", seed: int = 1) -> TaskEmbedding:
        dice = torch.Generator().manual_seed(seed)
        heads = HeadOutputs(checkpoint.model)
        return TaskEmbedding(
            name,
            fingerprint(checkpoint.model),
            checkpoint.name,
            "00" * 32,
            seed,
            {"shots": 2},
            5 * torch.randn(heads.shape, generator=dice),
            torch.rand(heads.shape[:2], generator=dice),
        )

    return make
