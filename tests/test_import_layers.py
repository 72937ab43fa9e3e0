"""Imports point downwards only; so much of the architecture as a machine can check."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "tapgraph"

OPEN_TO_ALL = frozenset({"", "errors", "settings"})
MAY_IMPORT: Mapping[str, frozenset[str]] = {
    "": frozenset(),
    "errors": frozenset(),
    "settings": frozenset({"errors"}),
    "kernels": frozenset(),
    "memory": frozenset(),
    "tools": frozenset(),
    "llm_backend": frozenset({"kernels"}),
    "agents": frozenset({"llm_backend", "memory", "tools"}),
    "evals": frozenset({"agents", "kernels", "llm_backend", "memory", "tools"}),
    "__main__": frozenset({"cli"}),
    "cli": frozenset({"agents", "evals", "kernels", "llm_backend", "memory", "tools"}),
}
"""What each part may import besides itself, `tapgraph.errors` and `tapgraph.settings`."""
SIMULATOR = "tapgraph.tools.mobile.simulator"
"""What agents must not know: they cannot tell it from a phone."""
DEVICES = frozenset({"appium", "selenium", SIMULATOR})
"""What only those load who operate a phone of that kind."""
BANNED_NAMES = frozenset({"common", "helper", "helpers", "misc", "util", "utils"})
ENVIRONMENT = frozenset({"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"})
ENTRANCES = frozenset({"__init__", "__main__"})


@dataclass(frozen=True)
class Module:
    """A file of the package, parsed."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def part(self) -> str:
        """The first level below `tapgraph`; empty for `tapgraph` itself."""
        return [*self.name.split("."), ""][1]


def modules_of(source: Path) -> dict[str, Module]:
    found = {}
    for path in sorted(source.rglob("*.py")):
        parts = list(path.relative_to(source.parent).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        name = ".".join(parts)
        found[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8")))
    return found


def imports_of(module: Module, modules: Mapping[str, Module]) -> Iterator[str]:
    """The modules of the package that one imports, in functions and for type checkers too."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}"
                target = deeper if deeper in modules else node.module
                if target in modules:
                    yield target


def layer_faults(modules: Mapping[str, Module]) -> list[str]:
    faults = []
    for module in modules.values():
        if module.part not in MAY_IMPORT:
            faults.append(f"{module.name}: no part of the package is called {module.part!r}")
            continue
        allowed = MAY_IMPORT[module.part] | {module.part, *OPEN_TO_ALL}
        faults += [
            f"{module.name} imports {target}"
            for target in imports_of(module, modules)
            if modules[target].part not in allowed
        ]
        if module.part == "agents":
            faults += [
                f"{module.name} imports {target}"
                for target in imports_of(module, modules)
                if target == SIMULATOR or target.startswith(f"{SIMULATOR}.")
            ]
    return faults


def relative_imports(modules: Mapping[str, Module]) -> list[str]:
    return [
        f"{module.name}:{node.lineno}"
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]


def readers_of_environment(modules: Mapping[str, Module]) -> set[str]:
    return {
        module.name
        for module in modules.values()
        for node in ast.walk(module.tree)
        if (
            isinstance(node, ast.Attribute)
            and node.attr in ENVIRONMENT
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
        )
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and any(alias.name in ENVIRONMENT for alias in node.names)
        )
    }


def badly_named(modules: Mapping[str, Module]) -> list[str]:
    bad = BANNED_NAMES | sys.stdlib_module_names
    return [
        module.name
        for module in modules.values()
        if module.path.stem not in ENTRANCES and module.path.stem in bad
    ]


def cycles(modules: Mapping[str, Module]) -> list[str]:
    """Chains of modules that import each other, each ending where it began."""
    graph = {name: set(imports_of(module, modules)) - {name} for name, module in modules.items()}
    found: list[str] = []
    done: set[str] = set()

    def visit(name: str, chain: list[str]) -> None:
        if name in chain:
            found.append(" -> ".join([*chain[chain.index(name) :], name]))
            return
        if name in done:
            return
        for target in sorted(graph[name]):
            visit(target, [*chain, name])
        done.add(name)

    for name in graph:
        visit(name, [])
    return found


@pytest.fixture(scope="module")
def package() -> dict[str, Module]:
    return modules_of(SOURCE)


def test_imports_point_downwards(package: dict[str, Module]) -> None:
    assert layer_faults(package) == []


def test_imports_are_absolute(package: dict[str, Module]) -> None:
    assert relative_imports(package) == []


def test_no_modules_import_each_other_in_a_circle(package: dict[str, Module]) -> None:
    assert cycles(package) == []


def test_only_settings_reads_the_environment(package: dict[str, Module]) -> None:
    assert readers_of_environment(package) == {"tapgraph.settings"}


def test_no_file_has_a_name_that_says_nothing_or_hides_the_standard_library(
    package: dict[str, Module],
) -> None:
    assert badly_named(package) == []


@pytest.mark.parametrize(
    ("entrance", "unwanted"),
    [
        ("tapgraph.agents", {"torch", "transformers", *DEVICES}),
        ("tapgraph.agents.mobile", {"torch", "transformers", *DEVICES}),
        ("tapgraph.agents.mobile.agent", {"torch", "transformers", "onnxruntime", *DEVICES}),
        (
            "tapgraph.cli.main",
            {"torch", "transformers", "langgraph", "openai", "PIL", "sqlalchemy", *DEVICES},
        ),
        ("tapgraph.tools.mobile", {"onnxruntime", "torch", *DEVICES}),
        ("tapgraph.tools.mobile.perception.weights", {"torch", "safetensors"}),
        ("tapgraph.llm_backend", {"torch", "transformers"}),
        ("tapgraph.llm_backend.model_spec", {"torch", "transformers"}),
    ],
)
def test_loading_stays_light(entrance: str, unwanted: set[str]) -> None:
    program = f"import sys, {entrance}; print('\\n'.join(sys.modules))"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        text=True,
        env={"PYTHONPATH": str(SOURCE.parent)},
    )
    assert not unwanted & set(ended.stdout.split())


def test_kernels_need_torch_and_for_models_transformers_and_nothing_else_of_ours() -> None:
    program = (
        "import sys, tapgraph.kernels as kernels\n"
        "assert 'transformers' not in sys.modules\n"
        "kernels.use_attention\n"
        "print('\\n'.join(name for name in sys.modules if name.split('.')[0] == 'tapgraph'))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        text=True,
        env={"PYTHONPATH": str(SOURCE.parent)},
    )
    loaded = {".".join(name.split(".")[:2]) for name in ended.stdout.split()}
    assert loaded == {"tapgraph", "tapgraph.errors", "tapgraph.kernels", "tapgraph.settings"}


WRONG: Mapping[str, str] = {
    "__init__.py": "",
    "errors.py": "",
    "settings.py": "import os\nHOME = os.environ['HOME']\n",
    "tools/__init__.py": "",
    "tools/device.py": "def late():\n    from tapgraph.agents import graph\n",
    "tools/keys.py": "from os import getenv\n",
    "tools/mobile/simulator/__init__.py": "",
    "tools/mobile/simulator/phone.py": "",
    "memory/__init__.py": "",
    "memory/store.py": "import tapgraph.tools.device\n",
    "memory/utils.py": "",
    "memory/json.py": "from . import store\n",
    "agents/__init__.py": "",
    "agents/graph.py": "from tapgraph.agents.node import go\nfrom tapgraph.kernels import merge\n",
    "agents/node.py": "def late():\n    from tapgraph.agents import graph\n",
    "agents/player.py": "from tapgraph.tools.mobile.simulator.phone import Phone\n",
    "agents/record.py": "if TYPE_CHECKING:\n    from tapgraph.agents.replay import Replay\n",
    "agents/replay.py": "from tapgraph.agents.record import Record\n",
    "kernels/__init__.py": "",
    "kernels/merge.py": "from tapgraph.errors import TapgraphError\n",
    "extras/__init__.py": "",
}


@pytest.fixture
def wrong_package(tmp_path: Path) -> dict[str, Module]:
    """A package with every fault that the tests above look for."""
    for name, content in WRONG.items():
        path = tmp_path / "tapgraph" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return modules_of(tmp_path / "tapgraph")


def test_imports_that_point_upwards_would_be_found(wrong_package: dict[str, Module]) -> None:
    assert layer_faults(wrong_package) == [
        "tapgraph.agents.graph imports tapgraph.kernels.merge",
        "tapgraph.agents.player imports tapgraph.tools.mobile.simulator.phone",
        "tapgraph.extras: no part of the package is called 'extras'",
        "tapgraph.memory.store imports tapgraph.tools.device",
        "tapgraph.tools.device imports tapgraph.agents.graph",
    ]


def test_other_faults_would_be_found(wrong_package: dict[str, Module]) -> None:
    assert cycles(wrong_package) == [
        "tapgraph.agents.graph -> tapgraph.agents.node -> tapgraph.agents.graph",
        "tapgraph.agents.record -> tapgraph.agents.replay -> tapgraph.agents.record",
    ]
    assert readers_of_environment(wrong_package) == {"tapgraph.settings", "tapgraph.tools.keys"}
    assert badly_named(wrong_package) == ["tapgraph.memory.json", "tapgraph.memory.utils"]
    assert relative_imports(wrong_package) == ["tapgraph.memory.json:1"]
