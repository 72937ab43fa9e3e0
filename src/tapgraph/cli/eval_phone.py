"""`tapgraph eval phone` and `tapgraph eval compare`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tapgraph.cli.device_spec import DeviceSpec, takes_device
from tapgraph.cli.options import JsonOption, MaxStepsOption, SpareReflectorOption

__all__ = ["SettingKind", "compare", "phone"]


class SettingKind(StrEnum):
    """Which memory an agent has from task to task."""

    INDIVIDUAL = "individual"
    EVOLUTION = "evolution"


@takes_device(without=["seed", "state_dir", "clock"], prefixed=["setting"])
def phone(
    *,
    suite: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="sim, mobile-eval-e, miniwob, mobilegym, or a FILE.py with your tasks.",
        ),
    ] = "sim",
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            "--gym-root",
            metavar="DIR",
            help="The official files of mobile-eval-e, MiniWoB's pages, a checkout of MobileGym.",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="SPEC",
            help="As for `run`, or a baseline: null, open-apps, random, demonstrator, "
            "demonstrator?error_rate=0.2, demonstrator-blind.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where trials and tables go; resumes there.")
    ],
    pipeline: Annotated[
        str, typer.Option(metavar="NAME", help="tapgraph or mobile-agent-e.")
    ] = "tapgraph",
    spare_reflector: SpareReflectorOption = False,
    split: Annotated[str, typer.Option(metavar="NAME", help="Only a part of the suite.")] = "",
    seeds: Annotated[
        int, typer.Option(metavar="N", help="Tasks drawn of each template, each with its world.")
    ] = 1,
    trials: Annotated[int, typer.Option(metavar="K", help="How often each task is done.")] = 1,
    workers: Annotated[
        int, typer.Option(metavar="N", help="Processes, each with a simulated phone of its own.")
    ] = 1,
    setting: Annotated[
        SettingKind, typer.Option(help="A fresh memory for each task, or one that goes on.")
    ] = SettingKind.INDIVIDUAL,
    future_tasks: Annotated[
        bool,
        typer.Option(
            "--future-tasks",
            help="With --setting evolution: the reflectors on experience read the tasks to come.",
        ),
    ] = False,
    max_steps: MaxStepsOption = None,
    device: DeviceSpec,
    judge: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="A model to judge rubrics that no predicate decides."),
    ] = None,
    verdicts: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="People's verdicts on those, as lines of JSON."),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Tasks on phones: is what was asked for done, and at what price.

    Leaves trials.jsonl, run folders, summary.md, summary.csv, sss.svg, sss.png and report.html.
    Ends with 1 when trials broke off: they count as failed, and the same command tries them again.
    """
    # The graph takes a second to load, and no other command needs it.
    from tapgraph.cli import eval_phone_session as session  # noqa: PLC0415
    from tapgraph.evals.evaluate import Plan  # noqa: PLC0415

    plan = Plan(
        split=split,
        seeds=seeds,
        trials=trials,
        setting=setting.value,
        max_steps=max_steps,
        future_tasks=future_tasks,
    )
    phones = session.open_phones(device)
    request = session.PhoneEval(
        suite=suite,
        data=data,
        model=model,
        pipeline=pipeline,
        spare_reflector=spare_reflector,
        plan=plan,
        phones=phones,
        workers=workers,
        judge=judge,
        verdicts=verdicts,
        out=out,
    )
    return session.evaluate_phone(request, json=json)


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="The folder of an evaluation.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The folder of another one.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A page with the trajectories of both side by side."),
    ] = None,
    json: JsonOption = False,
) -> int:
    """What changes from A to B on the tasks that both have, trial by trial."""
    from tapgraph.cli import eval_phone_session as session  # noqa: PLC0415 - as above

    return session.compare_phones(first, second, page=out, json=json)
