"""`tapgraph serve` as a process of its own."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tapgraph.cli.main import main
from tapgraph.evals.long_context.recall_checkpoint import LANDMARK_MODEL_PATH, RECALL_MODEL_PATH
from tapgraph.evals.long_context.recall_tasks import recall_prompts
from tapgraph.evals.long_context.recall_vocabulary import decode

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

Serving = Callable[..., AbstractContextManager[tuple["subprocess.Popen[str]", str, str]]]


@pytest.fixture
def serving(tiny: "Tiny") -> Serving:
    @contextmanager
    def run(*options: str) -> Iterator[tuple["subprocess.Popen[str]", str, str]]:
        command = [
            sys.executable,
            "-m",
            "tapgraph.cli.main",
            "serve",
            "--port",
            "0",
            "--json",
            *options,
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                said = json.loads(process.stdout.readline())
                yield process, said["url"], said["model"]
            finally:
                process.kill()

    return run


def test_a_stop_finishes_what_runs(tiny: "Tiny", serving: Serving) -> None:
    path = f"{tiny.folder()}?attention=sink_window&recent_tokens=32"
    with serving("--model", path) as (process, url, model):
        request = {
            "model": model,
            "messages": [{"role": "user", "content": "Go on."}],
            "max_tokens": 200,
            "stream": True,
        }
        with httpx.stream("POST", f"{url}/chat/completions", json=request, timeout=60) as stream:
            lines = (line for line in stream.iter_lines() if line)
            first = next(lines)
            process.send_signal(signal.SIGTERM)
            rest = list(lines)
        assert first.startswith("data: {")
        assert rest[-1] == "data: [DONE]"
        assert json.loads(rest[-2].removeprefix("data: "))["choices"][0]["finish_reason"]
        assert process.wait(timeout=30) == 0


def test_the_key_may_come_from_a_variable(
    tiny: "Tiny", serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_OF_THE_TEST", "sesame")
    options = ("--model", str(tiny.folder()), "--api-key", "env:KEY_OF_THE_TEST")
    with serving(*options) as (_, url, _):
        assert httpx.get(f"{url}/models").status_code == 401
        opened = httpx.get(f"{url}/models", headers={"Authorization": "Bearer sesame"})
        assert opened.status_code == 200


def test_needles_are_found_by_landmarks(serving: Serving) -> None:
    few = f"{LANDMARK_MODEL_PATH}?attention=landmark&dense_below=0&retrieved=4&device=cpu"
    prompts = recall_prompts("needle", length=600, count=20, seed=3)
    right = 0
    with serving("--model", few) as (_, url, model):
        for prompt in prompts:
            request = {
                "model": model,
                "prompt": decode(prompt.token_ids[1:]),
                "max_tokens": len(prompt.answer_ids),
                "temperature": 0,
            }
            reply = httpx.post(f"{url}/completions", json=request, timeout=60).json()
            right += reply["choices"][0]["text"].strip() == decode(prompt.answer_ids)
    assert right >= 18


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "nowhere/at/all"], "nowhere/at/all"),
        (["--model", "{path}?attention=duo"], "tapgraph kernels calibrate duo"),
        (["--model", f"{RECALL_MODEL_PATH}?attention=landmark"], "tapgraph kernels train landmark"),
        (["--model", "{path}?attention=best"], "'best'"),
        (["--model", "{path}?window=3"], "window"),
        (["--model", "{path}", "--host", "0.0.0.0"], "--api-key"),
        (["--model", "{path}", "--api-key", ""], "empty"),
        (["--model", "{path}?pictures=all"], "the option pictures is for who asks a model"),
        (["--model", "{path}?max_tokens=9"], "the option max_tokens is for who asks a model"),
        (["--model", "{path}?json=tools"], "json"),
        (["--model", "{path}?temperature=3"], "temperature"),
        (["--model", "{path}", "--port", "70000"], "65535"),
        (["--model", "{path}", "--port", "-1"], "greater than or equal to 0"),
        (["--model", "{path}", "--running", "0"], "running"),
        (["--model", "{path}", "--waiting", "-1"], "waiting"),
        (["--model", "{path}", "--timeout-s", "0"], "timeout_s must be above 0"),
        (["--model", "{path}", "--timeout-s", "nan"], "timeout_s must be above 0"),
        (["--model", "{path}", "--max-body-mib", "0"], "max-body-mib"),
        (["--model", "{path}", "--max-image-pixels", "0"], "max-image-pixels"),
        (["--model", "{path}", "--image-host", "https://a.example/"], "images.example.org"),
    ],
)
def test_what_cannot_be_served_is_said(
    tiny: "Tiny", capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    filled = [option.format(path=tiny.folder()) for option in options]
    assert main(["serve", "--port", "0", *filled]) == 2
    assert words in capsys.readouterr().err


def test_no_checkpoint_is_served_from_a_folder_without_one(tmp_path: Path) -> None:
    assert main(["serve", "--model", str(tmp_path)]) == 2
