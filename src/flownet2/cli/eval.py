# SPDX-License-Identifier: Apache-2.0
"""`flownet2 eval`: the errors of models over a data set."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from flownet2.baselines import BASELINES
from flownet2.builtin import MODELS
from flownet2.cli import _eval_report, _options
from flownet2.cli._eval_files import machine_facts, write_csv, write_json
from flownet2.cli._eval_models import COMMAND, check_models, model_files
from flownet2.cli._eval_table import notes, table
from flownet2.cli._eval_work import Evaluated, Interrupted, Task, evaluate_model
from flownet2.cli._files import check_outputs, prepare_folders
from flownet2.cli._terminal import INTERRUPTED, UsageError, say, say_error
from flownet2.datasets import DATASETS, Dataset, open_dataset
from flownet2.evaluation import PROTOCOLS, get_protocol

HELP = "errors of models over a data set"
DESCRIPTION = f"""\
Runs models over a data set with true flow and tells their errors: end-point
error, Fl-all, outliers, WAUC, angle; of occluded pixels, bands of speed, fore-
and background where the data set knows them.

ROOT is the folder that the data set's archive unpacks to. Data sets:
  {", ".join(list(DATASETS)[:5])},
  {", ".join(list(DATASETS)[5:9])},
  {", ".join(list(DATASETS)[9:])}
`folder` is any folder of pictures with true flow beside them.

Numbers of different programs differ by how pictures are resized or padded, what
counts and how means are taken. --protocol says by whose rules: mmflow's, RAFT's
or ptlflow's; it is printed and stored with the results.

A run that is killed goes on where it stopped when the same command is given
again; what is finished lies in $FLOWNET2_HOME/evaluations (default:
~/.cache/flownet2/evaluations) until all is written."""
EXAMPLES = """\
examples:
  flownet2 eval sintel-clean data/Sintel
  flownet2 eval kitti2015 data/KITTI15 --model flownet2.safetensors
  flownet2 eval flyingchairs data/FlyingChairs --limit 20
  flownet2 eval sintel-final data/Sintel --model FlowNet2.pth dis zero \\
      --csv pictures.csv --json all.json --report report.html
  flownet2 eval kitti2015 data/KITTI15 --protocol raft --model mine.safetensors
  flownet2 eval folder frames/ --model zero dis farneback

exit code: 0 all done, 1 some pairs failed (the means are of the others),
2 wrong usage, 130 interrupted (what was finished is kept)."""


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("dataset", metavar="DATASET", choices=DATASETS, help="name of the data set, see above")
    parser.add_argument("root", metavar="ROOT", help="its folder")
    parser.add_argument("--split", metavar="NAME", help="part of the data set (default: the one that is usual)")
    parser.add_argument(
        "--protocol", choices=PROTOCOLS, default=next(iter(PROTOCOLS)), help="by whose rules (default: %(default)s)"
    )
    parser.add_argument("--limit", type=_count, metavar="N", help="the first N pairs only")
    parser.add_argument("--csv", metavar="FILE", help="write every metric of each picture")
    parser.add_argument("--json", metavar="FILE", help="write everything: metrics, models, protocol, machine, times")
    parser.add_argument("--report", metavar="FILE", help="write a page to look at: table, plots, pictures (HTML)")
    parser.add_argument("--overwrite", action="store_true", help="compute again what a stopped run has finished")
    parser.add_argument(
        "--progress", action=argparse.BooleanOptionalAction, help="show a progress bar (default: on a terminal)"
    )
    group = parser.add_argument_group("models")
    group.add_argument(
        "--model",
        nargs="+",
        metavar="NAME_OR_PATH",
        default=[_options.DEFAULT_MODEL],
        help=f"{' or '.join(MODELS)} (built in), model files, checkpoints; to compare with: {', '.join(BASELINES)} "
        f"(default: {_options.DEFAULT_MODEL})",
    )
    _options.add_computing(group)


def run(args: argparse.Namespace) -> int:
    """Evaluates, prints and writes; 1 if a pair failed."""
    outputs = [(Path(path), f"--{kind}") for kind in ("csv", "json", "report") if (path := getattr(args, kind))]
    check_models(args.model)
    check_outputs(COMMAND, outputs, model_files(args.model))
    task = _task(args)
    prepare_folders(path for path, _ in outputs)
    _tell_task(task)
    with ExitStack() as journals:
        results = []
        try:
            for name in args.model:
                results.append(evaluate_model(name, task))
                journals.callback(results[-1].journal.close)
            say()
            _finish(task, results)
        except Interrupted as error:
            say_error(str(error))
            return INTERRUPTED
        failed = any(result.failures for result in results)
        if not failed:
            for result in results:
                result.journal.remove()
    for result in results:
        result.tell_failures()
    return 1 if failed else 0


def _task(args: argparse.Namespace) -> Task:
    splits = DATASETS[args.dataset].splits
    if args.split is not None and args.split not in splits:
        raise UsageError(COMMAND, f"{args.dataset} has no split {args.split!r}; it has {', '.join(splits)}")
    dataset = open_dataset(args.dataset, args.root, split=args.split)
    if not dataset.has_truth:
        _refuse(dataset)
    return Task(dataset, get_protocol(args.protocol), dataset.pairs[: args.limit], args.limit, args)


def _refuse(dataset: Dataset) -> None:
    lacking = sum(pair.flow is None for pair in dataset.pairs)
    raise UsageError(
        COMMAND,
        f"{lacking} of {len(dataset.pairs)} pairs of {dataset.name}, split {dataset.split}, have no true flow to "
        "compare with; flownet2 submit writes flow for a benchmark's server, flownet2 infer flow alone",
    )


def _tell_task(task: Task) -> None:
    for line in task.protocol.describe(task.dataset.name):
        say(line)
    dataset = task.dataset
    count = f"{len(task.pairs)} {'pair' if len(task.pairs) == 1 else 'pairs'}"
    if len(task.pairs) < len(dataset.pairs):
        count = f"PARTIAL: the first {len(task.pairs)} of {len(dataset.pairs)} pairs"
    say(f"data: {dataset.name}, split {dataset.split}, {count}, {task.args.root}")


def _finish(task: Task, results: Sequence[Evaluated]) -> None:
    """The table, the files."""
    args, runs = task.args, [result.run for result in results]
    for line in table(runs, task.dataset.name, len(task.pairs)):
        say(line)
    say()
    for line in notes(runs, len(task.pairs)):
        say(line)
    created = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    machine = machine_facts()
    if args.csv:
        write_csv(args.csv, runs)
    if args.json:
        write_json(args.json, task, results, created, machine)
    if args.report:
        _eval_report.write(task, runs, created, machine)
    for path in filter(None, (args.csv, args.json, args.report)):
        say(f"written to {path}")


def _count(text: str) -> int:
    """A number from 1.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not (text.isdecimal() and text.isascii() and int(text[:12]) > 0):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, got {text!r}")
    return int(text)
