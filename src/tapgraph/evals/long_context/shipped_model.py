"""Where the shipped recall model lies; `from_pretrained` loads it without a network."""

from pathlib import Path

__all__ = ["RECALL_MODEL_PATH"]

RECALL_MODEL_PATH = Path(__file__).parent / "recall_model"
"""A folder for `AutoModelForCausalLM` and `AutoTokenizer`; its README.md says what it recalls."""
