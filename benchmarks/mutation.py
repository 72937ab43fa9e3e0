"""How many small faults in the agents' decisions the tests notice.

`mutmut` changes one thing in one function at a time and runs the quickest tests that reach that
function, until one fails; a mutant that no test notices has survived. Not counted: mutants of what
an error says. Not mutated by mutmut: what stands outside functions (defaults, tables, annotations),
decorated functions, docstrings. Tests that start processes or take more than some seconds are left
out, so a survivor may still be noticed by `make test`.

    python3 -m venv MUTATION
    MUTATION/bin/pip install mutmut==3.8.1 --editable '.[dev]'
    MUTATION/bin/python benchmarks/mutation.py [--sample 300 | --all] [--seed 1] [--workers 2]

A sample is drawn at random among all mutants; the score is the share that was noticed, with its
95 % Wilson interval, in all and per folder.
"""

import argparse
import ast
import json
import math
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
MUTATED = ("src/tapgraph/agents/*", "src/tapgraph/tools/mobile/policy.py")
TESTS = (
    "tests/agents/run",
    "tests/agents/mobile/nodes",
    "tests/agents/mobile/test_agent_options.py",
    "tests/agents/mobile/test_grounding.py",
    "tests/agents/mobile/test_human.py",
    "tests/agents/mobile/test_offered_reply.py",
    "tests/agents/mobile/test_pipeline.py",
    "tests/agents/mobile/test_prompts.py",
    "tests/agents/mobile/test_shortcut_leave.py",
    "tests/agents/mobile/test_shortcut_player.py",
    "tests/agents/api/nodes",
    "tests/agents/api/test_agent_runs.py",
    "tests/agents/api/test_many_apis.py",
    "tests/tools/mobile/test_policy.py",
    "tests/tools/mobile/test_policy_words.py",
)
NO_MUTANT = "none-is-called-so"
KILLED = {1, 3}
TIMED_OUT = {24, 36, 152, 255, -24}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one function; `place` is a file and a line of the source."""

    name: str
    folder: str
    place: str
    change: str
    is_wording: bool


@dataclass(frozen=True, slots=True)
class Score:
    """How many mutants were noticed; `low` and `high` bound the share with 95 % confidence."""

    killed: int
    mutants: int
    share: float
    low: float
    high: float


def score(killed: int, mutants: int) -> Score:
    """The share with its Wilson interval (z = 1.96)."""
    if not mutants:
        return Score(0, 0, 0.0, 0.0, 1.0)
    z, share = 1.96, killed / mutants
    middle = share + z * z / (2 * mutants)
    spread = z * math.sqrt(share * (1 - share) / mutants + (z / (2 * mutants)) ** 2)
    low, high = ((middle + sign * spread) / (1 + z * z / mutants) for sign in (-1, 1))
    return Score(killed, mutants, round(share, 4), round(low, 4), round(high, 4))


def copy_of_the_tree(copy: Path) -> None:
    """The source and its tests in a folder of their own, with mutmut's settings."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    settings = {"source_paths": ["src"], "only_mutate": list(MUTATED), "also_copy": ["tests"]}
    settings["pytest_add_cli_args_test_selection"] = [*TESTS, "-m", "not slow"]
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    text = project + "\n[tool.mutmut]\n" + "\n".join(lines) + "\n"
    (copy / "pyproject.toml").write_text(text, encoding="utf-8")


def run_mutmut(copy: Path, names: Sequence[str], workers: int) -> None:
    """Make all mutants where there are none yet, and try those of these names."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(workers), *names]
    with (copy / "mutmut.log").open("ab") as log:
        subprocess.run(command, cwd=copy, stdout=log, stderr=subprocess.STDOUT, check=False)


def exit_codes(copy: Path) -> dict[str, int | None]:
    """What each mutant's tests ended with; None for one that was not tried."""
    codes: dict[str, int | None] = {}
    for meta in sorted(copy.glob("mutants/src/**/*.meta")):
        codes |= json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return codes


def described(name: str, copy: Path) -> Mutant:
    """What a mutant changes, and where."""
    module, _, function = name.rpartition(".")
    place = Path("src", *module.split(".")).with_suffix(".py")
    if not (copy / place).exists():
        place = Path("src", *module.split("."), "__init__.py")
    mangled = function.rpartition("__mutmut_")[0]
    mutated = functions(copy / "mutants" / place)
    original, mutant = mutated[f"{mangled}__mutmut_orig"], mutated[function]
    before, after, is_wording = difference(original, mutant)
    plain = mangled.removeprefix("xǁ").replace("ǁ", ".") if "ǁ" in mangled else mangled[2:]
    defined = functions(copy / place)[plain]
    line = defined.lineno + before.lineno - original.lineno
    return Mutant(
        name,
        folder=place.parent.relative_to("src/tapgraph").as_posix(),
        place=f"{place.as_posix()}:{line}",
        change=f"{shown(before)} -> {shown(after)}",
        is_wording=is_wording,
    )


@cache
def functions(place: Path) -> dict[str, ast.FunctionDef]:
    """The functions of a file, those of a class as `Class.name`, and mutants by their own names."""
    found: dict[str, ast.FunctionDef] = {}
    for node in ast.parse(place.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    name = inner.name if "__mutmut_" in inner.name else f"{node.name}.{inner.name}"
                    found[name] = inner
    return found


Code = ast.expr | ast.stmt


def difference(before: Code, after: Code, *, in_raise: bool = False) -> tuple[Code, Code, bool]:
    """The smallest pieces of code that differ, and whether they are what an error says."""
    unlike = [pair for pair in _parts(before, after) if _dump(pair[0]) != _dump(pair[1])]
    if len(unlike) == 1:
        one, other = unlike[0]
        if isinstance(one, Code) and isinstance(other, Code):
            return difference(one, other, in_raise=in_raise or isinstance(before, ast.Raise))
        if isinstance(one, ast.AST) and isinstance(other, ast.AST):
            # What is neither, such as a keyword of a call, has no place of its own.
            inner = [pair for pair in _parts(one, other) if _dump(pair[0]) != _dump(pair[1])]
            value, changed = inner[0] if len(inner) == 1 else (None, None)
            if isinstance(value, Code) and isinstance(changed, Code):
                return difference(value, changed, in_raise=in_raise)
    return before, after, in_raise


def _parts(before: ast.AST, after: ast.AST) -> Iterator[tuple[object, object]]:
    for name in before._fields:
        one, other = getattr(before, name, None), getattr(after, name, None)
        if name == "name" and isinstance(before, ast.FunctionDef):
            continue
        if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            yield from zip(one, other, strict=True)
        else:
            yield one, other


def _dump(part: object) -> str:
    return ast.dump(part) if isinstance(part, ast.AST) else repr(part)


def shown(code: Code) -> str:
    """The code in one line."""
    line = " ".join(ast.unparse(code).split())
    return line if len(line) <= 90 else f"{line[:90]}…"


def main() -> None:
    """Draw, try, count, print and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sample", type=int, default=300, help="how many mutants are tried")
    parser.add_argument("--all", action="store_true", help="try every mutant")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    place = ROOT / "benchmarks" / "results" / "mutation.json"
    parser.add_argument("--json", type=Path, default=place, help="where the result is kept")
    given = parser.parse_args()
    head = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_of_the_tree(copy)
        run_mutmut(copy, [NO_MUTANT], given.workers)
        known = [described(name, copy) for name in sorted(exit_codes(copy))]
        mutants = [mutant for mutant in known if not mutant.is_wording]
        if not given.all:
            mutants = random.Random(given.seed).sample(mutants, min(given.sample, len(mutants)))
        run_mutmut(copy, [mutant.name for mutant in mutants], given.workers)
        codes = exit_codes(copy)
        if any(codes[mutant.name] is None for mutant in mutants):
            sys.exit((copy / "mutmut.log").read_text(encoding="utf-8", errors="replace")[-3000:])
    report = {"commit": commit, **reported(mutants, codes)}
    report |= {"sample": len(mutants), "of": len(known), "seed": None if given.all else given.seed}
    given.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def reported(mutants: Sequence[Mutant], codes: dict[str, int | None]) -> dict[str, object]:
    """The result as it is kept; it is printed too."""
    noticed = {*KILLED, *TIMED_OUT}
    survived = [mutant for mutant in mutants if codes[mutant.name] not in noticed]
    survived.sort(key=lambda mutant: mutant.place)
    folders = {}
    for name in ("", *sorted({mutant.folder for mutant in mutants})):
        inside = [each for each in mutants if each.folder == name or not name]
        found = score(sum(each not in survived for each in inside), len(inside))
        folders[name or "all"] = asdict(found)
        print(f"{name or 'all':16} {found.killed}/{found.mutants} = {found.share:.1%}"
              f" ({found.low:.1%} to {found.high:.1%})")  # fmt: skip
    for mutant in survived:
        print(f"{mutant.place}: {mutant.change}")
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
        "date": datetime.now(UTC).date().isoformat(),
        "killed": len(mutants) - len(survived),
        "timed_out": sum(codes[mutant.name] in TIMED_OUT for mutant in mutants),
        "scores": folders,
        "survived": [{"place": each.place, "change": each.change} for each in survived],
    }


if __name__ == "__main__":
    main()
