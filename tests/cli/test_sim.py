import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tapgraph.cli.main import main

SERVE = (sys.executable, "-m", "tapgraph.cli.main", "sim", "serve", "--port", "0")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_served_phone_answers_until_it_is_told_to_stop(
    tmp_path: Path, ending: signal.Signals
) -> None:
    command = [*SERVE, "--json", "--seed", "3", "--state-dir", str(tmp_path / "state")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            with urllib.request.urlopen(f"{url}/status", timeout=30) as answer:
                assert json.load(answer)["value"]["ready"] is True
            process.send_signal(ending)
            rest, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, rest, errors) == (0, b"", b"")


def test_a_taken_port_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["sim", "serve", "--port", str(port)]) == 2
    error = capsys.readouterr().err
    assert str(port) in error
    assert error.count("\n") == 1
