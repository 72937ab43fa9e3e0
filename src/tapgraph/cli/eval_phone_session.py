"""From the options of `tapgraph eval phone` and `compare` to tables and pages."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from tapgraph.cli.device_spec import DeviceSpec
from tapgraph.cli.eval_progress import ProgressLines
from tapgraph.cli.exit_codes import ExitCode
from tapgraph.cli.open_device import check_options, open_device
from tapgraph.cli.terminal import print_json, print_line
from tapgraph.errors import UsageError
from tapgraph.evals.compare import compare
from tapgraph.evals.evaluate import Evaluation, Plan, evaluate, read_evaluation
from tapgraph.evals.open_suite import open_suite
from tapgraph.evals.phone.baselines import PhoneAgents
from tapgraph.evals.phones import OnePhone, Phones, SimulatedPhones
from tapgraph.evals.report.curves import sss_png, sss_svg
from tapgraph.evals.report.eval_report import write_eval_report
from tapgraph.evals.summary import header_lines, remarks, table, write_summary
from tapgraph.evals.verdicts import judge_rubrics, take_verdicts, with_verdicts
from tapgraph.llm_backend.model_spec import open_model
from tapgraph.settings import Settings

__all__ = ["PhoneEval", "compare_phones", "evaluate_phone", "open_phones"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneEval:
    """What is to be evaluated, and how."""

    suite: str
    data: Path | None
    model: str
    pipeline: str
    spare_reflector: bool
    plan: Plan
    phones: Phones
    workers: int
    judge: str | None
    verdicts: Path | None
    out: Path


def open_phones(spec: DeviceSpec) -> Phones:
    """Where the phones come from.

    Raises:
        UsageError: an option does not fit the device.
    """
    check_options(spec)
    if spec.is_simulated:
        return SimulatedPhones(spec.faults, spec.phone)
    place = spec.web_url or (spec.appium_url if spec.device == "appium" else "")
    name = " behind ".join(filter(None, [spec.udid or spec.device, place]))
    return OnePhone(name, partial(open_device, spec))


def evaluate_phone(request: PhoneEval, *, json: bool) -> int:
    """Run, judge, write and print; the exit code."""
    agents = PhoneAgents(request.model, request.pipeline, request.spare_reflector)
    if agents.is_baseline and request.phones.is_single:
        raise UsageError(f"{request.model} is for the simulated phone; give a model with --model")
    progress = ProgressLines(Console(stderr=True, highlight=False))
    evaluation = evaluate(
        open_suite(request.suite, request.data),
        agents,
        out=request.out,
        plan=request.plan,
        phones=request.phones,
        workers=request.workers,
        agent=agents.name,
        on_progress=progress.show,
    )
    not_judged = 0
    if request.judge is not None:
        judge = open_model(request.judge, Settings.from_environment())
        not_judged = judge_rubrics(evaluation, judge, workers=request.workers)
    if request.verdicts is not None:
        take_verdicts(request.verdicts, evaluation)
    evaluation = with_verdicts(evaluation)
    rows = write_summary(evaluation)
    report = write_eval_report([evaluation], request.out / "report.html")
    curves = {evaluation.header.agent: evaluation.records}
    (request.out / "sss.svg").write_text(sss_svg(curves), encoding="utf-8")
    sss_png(curves).save(request.out / "sss.png")
    if json:
        print_json({
            "suite": evaluation.header.suite,
            "agent": evaluation.header.agent,
            "trials": len(evaluation.records),
            "broken_off": len(evaluation.broken_off),
            "not_judged": not_judged,
            "left_out": dict(evaluation.header.left_out),
            "metrics": {one.name: asdict(one.estimate) for one in rows},
            "folder": str(request.out),
            "report": str(report),
        })
    else:
        _print_evaluation(evaluation, table(rows))
        if not_judged:
            print_line(f"{not_judged:,} rubrics were not judged: the judge did not answer")
        print_line(f"report: {report}")
    return ExitCode.FAILED if evaluation.broken_off or not_judged else ExitCode.SUCCESS


def compare_phones(first: Path, second: Path, *, page: Path | None, json: bool) -> int:
    """Compare two folders and print it; the exit code."""
    one, other = (with_verdicts(read_evaluation(folder)) for folder in (first, second))
    found = compare(one, other)
    if page is not None:
        write_eval_report([one, other], page)
    if json:
        print_json({
            "first": str(first),
            "second": str(second),
            "pairs": found.pairs,
            "only_first": found.only_first,
            "only_second": found.only_second,
            "doubts": list(found.doubts),
            "differences": {row.name: asdict(row.estimate) for row in found.differences},
        })
        return ExitCode.SUCCESS
    for name, evaluation in (("A", one), ("B", other)):
        print_line(f"{name}: {evaluation.header.agent} ({evaluation.folder})")
    print_line(f"{found.pairs:,} pairs of trials; B minus A:")
    _print_grid(table(found.differences))
    print_line(f"succeeded only in A: {found.only_first:,}; only in B: {found.only_second:,}")
    for doubt in found.doubts:
        print_line(f"not fully comparable: {doubt}")
    return ExitCode.SUCCESS


def _print_evaluation(evaluation: Evaluation, rows: Sequence[tuple[str, ...]]) -> None:
    for line in header_lines(evaluation):
        print_line(line)
    print_line("")
    _print_grid(rows)
    print_line("")
    for line in remarks(evaluation):
        print_line(line)


def _print_grid(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print_line("  ".join(cells).rstrip())
