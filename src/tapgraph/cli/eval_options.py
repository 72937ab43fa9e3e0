"""What the options of `tapgraph eval` can be set to."""

from enum import StrEnum

__all__ = ["BaselineKind", "ChooserKind", "ModeKind", "RulerModeKind", "SetKind", "WordsKind"]


class SetKind(StrEnum):
    """Which items."""

    MAIN = "main"
    PRE = "pre"
    METATOOL = "metatool"
    TOOLBENCH = "toolbench"
    TOOLLLM = "toolllm"


class ModeKind(StrEnum):
    """How an item is asked."""

    TEACHER_FORCED = "teacher-forced"
    FREE_RUNNING = "free-running"
    EXECUTED = "executed"


class ChooserKind(StrEnum):
    """Who answers in place of a model."""

    ORACLE = "oracle"
    RANDOM = "random"
    LEXICAL = "lexical"


class BaselineKind(StrEnum):
    """Who calls functions in place of a model."""

    ORACLE = "oracle"
    LEXICAL = "lexical"


class RulerModeKind(StrEnum):
    """How RULER's lists are shuffled."""

    FAITHFUL = "faithful"
    RESEED = "reseed-per-sample"


class WordsKind(StrEnum):
    """Where random words of prompts come from."""

    MADE = "made"
    TOKENIZER = "tokenizer"
