"""Prompts are files; this fills them."""

from importlib import resources
from string import Template

from tapgraph.errors import UsageError

__all__ = ["fill", "load_prompt"]


def load_prompt(package: str, name: str) -> str:
    """The text of `prompts/<name>.md` in a package."""
    folder = resources.files(package) / "prompts"
    return (folder / f"{name}.md").read_text(encoding="utf-8").strip()


def fill(template: str, **fields: object) -> str:
    """The template with each `$field` replaced once; values are never filled again.

    Raises:
        UsageError: a field of the template is not given, or a given one is not in the template.

    >>> fill("$greeting, $name: costs $$5", greeting="Hello", name="$greeting")
    'Hello, $greeting: costs $5'
    """
    wanted = set(Template(template).get_identifiers())
    if wanted != set(fields):
        missing, unknown = sorted(wanted - set(fields)), sorted(set(fields) - wanted)
        raise UsageError(f"the prompt misses the fields {missing} and does not know {unknown}")
    return Template(template).substitute({name: str(value) for name, value in fields.items()})
