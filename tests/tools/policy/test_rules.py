"""The user's own rules on top of the policy."""

from pathlib import Path

import pytest

from tapgraph.errors import UsageError
from tapgraph.tools.policy.rules import Deed, PolicyRules

RULES = """
[[rule]]
then = "allow"
app = "com.chat"
target = "Send*"

[[rule]]
then = "allow"
risk = "pay"
amount_up_to = 20

[[rule]]
then = "deny"
app = "My Bank"

[[rule]]
then = "deny"
amount_over = 1000

[[rule]]
then = "ask"
tool = "list_*"

[[rule]]
then = "allow"
tool = "add_note"
"""


@pytest.fixture
def rules(tmp_path: Path) -> PolicyRules:
    file = tmp_path / "policy.toml"
    file.write_text(RULES)
    return PolicyRules.read(file)


@pytest.mark.parametrize(
    ("deed", "verdict"),
    [
        (Deed(app=("Chat", "com.chat"), target="Send photo", risk="send"), "allow"),
        (Deed(app=("Chat", "com.chat2"), target="Send", risk="send"), "ask"),
        (Deed(app=("Shop", "com.shop"), target="Pay", amounts=(12.5, 2.0), risk="pay"), "allow"),
        (Deed(app=("Shop", "com.shop"), target="Pay", amounts=(12.5, 21.0), risk="pay"), "ask"),
        (Deed(app=("Shop", "com.shop"), target="Pay", risk="pay"), "ask"),
        (Deed(app=("MY BANK", "com.bank"), target="Home"), "deny"),
        (Deed(app=("Chat", "com.chat"), target="Send it", amounts=(1001.0,), risk="send"), "deny"),
        (Deed(tool="list_users"), "ask"),
        (Deed(tool="add_note", risk="change"), "allow"),
        (Deed(app=("Notes", "com.notes"), target="Save"), "allow"),
    ],
)
def test_the_strictest_rule_that_fits_decides(rules: PolicyRules, deed: Deed, verdict: str) -> None:
    assert rules.verdict(deed) == verdict


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[rule]]\nthen = 'maybe'\napp = 'x'", "then must be allow, ask or deny, got 'maybe'"),
        ("[[rule]]\nthen = 'allow'", "say what it is about"),
        ("[[rule]]\nthen = 'deny'\nap = 'x'", "rule 1: ap unknown; a rule has amount_over"),
        ("[[rule]]\nthen = 'deny'\namount_over = nan", "amount_over must be a number from 0"),
        ("[[rule]]\nthen = 'deny'\napp = 7", "app must be a text, got 7"),
        ("[[rule]]\nthen = 'deny'\nrisk = 'fun'", "risk must be one of change, delete"),
        ("then = 'deny'", "must hold [[rule]] tables and nothing else"),
        ("rule = [1]", "rule 1 must be a table, got 1"),
        ("[[rule]", "cannot be read"),
    ],
)
def test_a_file_that_says_nothing_known_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        PolicyRules.read(file)
    assert words in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        PolicyRules.read(tmp_path / "none.toml")
