"""The user's own rules about what the policy asks: allow, ask or deny."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from tapgraph.errors import UsageError
from tapgraph.tools.policy.risk import RISKS, Risk

__all__ = ["NO_RULES", "Deed", "PolicyRules", "Rule", "Verdict", "amounts_in"]

Verdict: TypeAlias = Literal["allow", "ask", "deny"]
_STRICTEST_FIRST: tuple[Verdict, ...] = ("deny", "ask", "allow")
_PATTERNS = ("app", "target", "tool")
_LIMITS = ("amount_up_to", "amount_over")
_AMOUNT = re.compile(r"\d[\d.,'\u00a0\u202f ]*")
_CENTS = re.compile(r"[.,](\d{1,2})$")


@dataclass(frozen=True, slots=True)
class Deed:
    """What is about to be done, as rules see it.

    Attributes:
        app: the app's label and its package; empty for a call of an API.
        target: the words on what is touched, or that are typed.
        tool: the identifier of an API; empty for a touch.
        amounts: the amounts of money that are named.
        risk: what the policy takes it for; None for nothing.
    """

    app: tuple[str, ...] = ()
    target: str = ""
    tool: str = ""
    amounts: tuple[float, ...] = ()
    risk: Risk | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it is about, and what is done then.

    Attributes:
        then: allow, ask or deny.
        app: a pattern for the app's label or package; `*` stands for any signs.
        target: a pattern for the words on what is touched.
        tool: a pattern for the identifier of an API.
        risk: what the policy takes it for.
        amount_up_to: the largest amount that is named is no more than this.
        amount_over: the largest amount that is named is more than this.
    """

    then: Verdict
    app: str | None = None
    target: str | None = None
    tool: str | None = None
    risk: Risk | None = None
    amount_up_to: float | None = None
    amount_over: float | None = None

    def fits(self, deed: Deed) -> bool:
        """Whether the rule is about the deed; amounts that are not known fit none."""
        return (
            (self.app is None or any(_is_like(name, self.app) for name in deed.app))
            and (self.target is None or _is_like(deed.target, self.target))
            and (self.tool is None or (bool(deed.tool) and _is_like(deed.tool, self.tool)))
            and (self.risk is None or deed.risk == self.risk)
            and (
                self.amount_up_to is None
                or (bool(deed.amounts) and max(deed.amounts) <= self.amount_up_to)
            )
            and (
                self.amount_over is None
                or (bool(deed.amounts) and max(deed.amounts) > self.amount_over)
            )
        )


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """Rules on top of the policy; the strictest of those that fit decides."""

    rules: tuple[Rule, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "PolicyRules":
        """The rules of a TOML file.

        Raises:
            UsageError: it cannot be read, or a rule says something that rules do not know.
        """
        try:
            held = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"the policy {str(path)!r} cannot be read: {error}") from error
        rules = held.get("rule")
        if set(held) != {"rule"} or not isinstance(rules, list):
            raise UsageError(f"the policy {str(path)!r} must hold [[rule]] tables and nothing else")
        return cls(tuple(_rule(rule, number) for number, rule in enumerate(rules, 1)))

    def verdict(self, deed: Deed) -> Verdict:
        """What to do: without a rule that fits, what is risky is asked about.

        >>> NO_RULES.verdict(Deed(risk="pay")), NO_RULES.verdict(Deed())
        ('ask', 'allow')
        """
        fitting = {rule.then for rule in self.rules if rule.fits(deed)}
        for verdict in _STRICTEST_FIRST:
            if verdict in fitting:
                return verdict
        return "allow" if deed.risk is None else "ask"


NO_RULES = PolicyRules()


def amounts_in(text: str) -> tuple[float, ...]:
    """The numbers of a text, read as amounts, whichever mark parts their cents.

    >>> amounts_in("Pay $1,299.00 to Ann (2 items)"), amounts_in("1.299,50 € bezahlen")
    ((1299.0, 2.0), (1299.5,))
    """
    return tuple(_amount(found) for found in _AMOUNT.findall(text))


def _amount(written: str) -> float:
    written = written.strip(" .,'")
    cents = _CENTS.search(written)
    whole = written[: cents.start()] if cents else written
    digits = re.sub(r"\D", "", whole) or "0"
    return float(f"{digits}.{cents[1] if cents else '0'}")


def _is_like(text: str, pattern: str) -> bool:
    return fnmatchcase(" ".join(text.split()).casefold(), pattern.casefold())


def _rule(told: Any, number: int) -> Rule:
    """A rule as the file tells it.

    Raises:
        UsageError: it says something that rules do not know.
    """
    if not isinstance(told, dict):
        raise UsageError(f"rule {number} must be a table, got {told!r}")
    known = {"then", *_PATTERNS, *_LIMITS, "risk"}
    unknown = sorted(set(told) - known)
    if unknown:
        raise UsageError(f"rule {number}: {_names(unknown)} unknown; a rule has {_names(known)}")
    if told.get("then") not in get_args(Verdict):
        raise UsageError(
            f"rule {number}: then must be allow, ask or deny, got {told.get('then')!r}"
        )
    if len(told) == 1:
        raise UsageError(f"rule {number}: say what it is about: {_names(known - {'then'})}")
    for name in _PATTERNS:
        if not isinstance(told.get(name, "*"), str):
            raise UsageError(f"rule {number}: {name} must be a text, got {told[name]!r}")
    for name in _LIMITS:
        limit = told.get(name, 0)
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit >= 0:
            raise UsageError(f"rule {number}: {name} must be a number from 0, got {limit!r}")
    if told.get("risk", "pay") not in RISKS:
        raise UsageError(f"rule {number}: risk must be one of {_names(RISKS)}")
    return Rule(**told)


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
