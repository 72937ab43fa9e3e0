"""Other people's Appium clients run their suites on `tapgraph sim serve`.

    python tests/appium/clients/run_clients.py

Prints what passed and what was refused as on Android; ends with 1 when anything else happened.
webdriverio comes with `npm ci` in tests/appium, AppiumLibrary with the extra `dev`.
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HERE = Path(__file__).parent


@contextmanager
def served_phone(*options: str) -> Iterator[str]:
    """The address of a simulated phone in a process of its own."""
    command = [sys.executable, "-m", "tapgraph.cli.main", "sim", "serve", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise TypeError("a pipe was asked for")
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait(timeout=20)


def webdriverio(url: str) -> int:
    """Run the suite; its exit code, and what it printed stands on stdout."""
    command = ["node", str(_HERE / "webdriverio_suite.mjs"), url]
    return subprocess.run(command, check=False, timeout=300).returncode


def appiumlibrary(url: str) -> int:
    """Run the suite; the number of its failed tests."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "robot", "--variable", f"URL:{url}", "--outputdir", folder]
        suite = str(_HERE / "appiumlibrary_suite.robot")
        return subprocess.run([*command, suite], check=False, timeout=300).returncode


def main() -> int:
    """Run both, each on a phone of its own."""
    failed = 0
    if shutil.which("node") and (_HERE.parent / "node_modules" / "webdriverio").is_dir():
        with served_phone() as url:
            failed += webdriverio(url)
    else:
        sys.stdout.write("skipped: webdriverio is not installed (npm ci in tests/appium)\n")
    if importlib.util.find_spec("AppiumLibrary") is not None:
        with served_phone() as url:
            failed += appiumlibrary(url)
    else:
        sys.stdout.write("skipped: Robot Framework's AppiumLibrary is not installed\n")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
