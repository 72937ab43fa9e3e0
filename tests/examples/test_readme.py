"""What README shows in Python is what the examples hold."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOWN = re.findall(
    r"\(examples/(\w+\.py)\)(?:(?!```).)*?```python\n(.*?)```",
    (ROOT / "README.md").read_text(encoding="utf-8"),
    re.DOTALL,
)


def test_every_python_block_of_readme_is_of_an_example() -> None:
    assert len(SHOWN) == (ROOT / "README.md").read_text(encoding="utf-8").count("```python") >= 3


@pytest.mark.parametrize(("example", "shown"), SHOWN, ids=[name for name, _ in SHOWN])
def test_readme_shows_lines_of_the_example(example: str, shown: str) -> None:
    assert shown in (ROOT / "examples" / example).read_text(encoding="utf-8")


def test_hello_world_has_five_lines_and_two_imports() -> None:
    text = (ROOT / "examples" / "hello_world.py").read_text(encoding="utf-8")
    lines = text.partition('"""\n\n')[2].splitlines()
    assert len(lines) == 5
    assert sum(" import " in line for line in lines) == 2
