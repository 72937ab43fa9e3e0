"""Checkpoints kept under the user's data folder, by name."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from tapgraph.errors import UsageError

__all__ = ["KeptModel", "ModelOrigin", "ModelStore", "place_calibrations"]

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_UNFINISHED = ".unfinished"
_ORIGIN = "tapgraph_origin.json"
_SHIPPED = Path(__file__).parent / "shipped_calibrations"


@dataclass(frozen=True, slots=True)
class ModelOrigin:
    """Where a kept checkpoint came from.

    Attributes:
        source: the place, for a person.
        revision: which state of it: a commit, or the SHA-256 of the only file.
        license: as its maker names it; empty where that is not known.
    """

    source: str
    revision: str
    license: str = ""


@dataclass(frozen=True, slots=True)
class KeptModel:
    """A checkpoint that `local:NAME` opens."""

    name: str
    path: Path
    origin: ModelOrigin

    @property
    def bytes_on_disk(self) -> int:
        """Size of all its files."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())


class ModelStore:
    """A folder of checkpoints; names are `NAME` or `OWNER/NAME`, as on a model hub."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which need not exist yet."""
        self._folder = folder

    def path_of(self, text: str) -> Path:
        """The path that is meant: one that exists, else the kept model of this name.

        >>> ModelStore(Path("/nowhere")).path_of("./models/small")
        PosixPath('models/small')
        """
        path = Path(text).expanduser()
        kept = None if path.exists() else self.find(text)
        return path if kept is None else kept.path

    def find(self, name: str) -> KeptModel | None:
        """The model of this name; None when none is kept."""
        if not _NAME.fullmatch(name):
            return None
        path = self._folder / name
        try:
            fields = json.loads((path / _ORIGIN).read_text(encoding="utf-8"))
            return KeptModel(name, path, ModelOrigin(**fields))
        except (OSError, ValueError, TypeError):
            return None

    def kept(self) -> tuple[KeptModel, ...]:
        """All of them, by name."""
        files = sorted(self._folder.glob(f"*/{_ORIGIN}")) + sorted(
            self._folder.glob(f"*/*/{_ORIGIN}")
        )
        names = (str(file.parent.relative_to(self._folder)) for file in files)
        return tuple(kept for kept in map(self.find, sorted(names)) if kept is not None)

    def add(self, name: str, fill: Callable[[Path], ModelOrigin]) -> KeptModel:
        """Keep a model that `fill` writes into an empty or half-filled folder.

        It can be found only when it is whole; what a broken try left is there at the next one.

        Raises:
            UsageError: the name cannot be one.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(f"a model's name looks like small or owner/small, got {name!r}")
        path = self._folder / name
        unfinished = self._folder / _UNFINISHED / name
        unfinished.mkdir(parents=True, exist_ok=True)
        origin = fill(unfinished)
        place_calibrations(name, unfinished)
        (unfinished / _ORIGIN).write_text(json.dumps(asdict(origin)), encoding="utf-8")
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.rename(path)
        return KeptModel(name, path, origin)

    def remove(self, name: str) -> None:
        """Delete a model's files.

        Raises:
            UsageError: none of this name is kept.
        """
        kept = self.find(name)
        if kept is None:
            names = ", ".join(one.name for one in self.kept()) or "none"
            raise UsageError(f"no model is kept as {name!r}; there are: {names}")
        # First no longer to be found, then deleted: a broken deletion leaves no half model.
        (kept.path / _ORIGIN).unlink()
        shutil.rmtree(kept.path)


def place_calibrations(name: str, folder: Path) -> None:
    """Put calibrations of attention systems that are shipped for a model beside its weights.

    Files of that name that are there already stay as they are.
    """
    for file in sorted((_SHIPPED / name).glob("tapgraph-*.safetensors")):
        target = folder / file.name
        if not target.exists():
            shutil.copyfile(file, target)
