"""Fits any objective: batches, validation, snapshots, early stop, resume. Knows no architecture."""

import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType

import torch

from training import program
from training.data import ImageSet, Split, shuffled_rows
from training.objective import Objective, noise_of
from training.report import Report
from training.run import Run
from training.snapshot import Progress, load, save

TICK = 100
"""Steps between two lines of statistics."""


class Failed(Exception):
    """Training was stopped because it cannot recover; says why, and what is left of it."""


class Interruption:
    """Set by the first Ctrl-C or SIGTERM; the loop finishes its step and saves. The second Ctrl-C ends at once."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, signal_number: int, _frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal_number, signal.SIG_DFL)


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Catches the two signals inside, and puts the old handlers back."""
    caught = Interruption()
    previous = {number: signal.signal(number, caught.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def fit(run: Run, objective: Objective, data: ImageSet, *, stop_after: int | None = None) -> Progress:
    """Trains until the run's steps are done, its patience is at an end, or somebody interrupts.

    Goes on from the run's snapshot when there is one. `stop_after` ends this slice at that step, as an interruption
    would. The result does not depend on how often a run was interrupted: data order and noise are functions of the
    step, and the snapshot holds the rest. Raises Failed when the objective sees no hope; the best network stays.
    """
    progress = load(run.last, objective) if run.last.exists() else Progress()
    run.forget_statistics_after(progress.step)
    config = run.config
    report = Report(run.folder, steps=config.steps, start=progress.step, batch_size=config.batch_size)
    with interruption() as caught, report:
        while progress.step < min(config.steps, stop_after or config.steps) and not _out_of_patience(run, progress):
            progress = _advance(progress, _step(run, objective, data.train, progress.step))
            measured = progress.step % TICK == 0
            if measured:
                progress = _tick(run, report, progress)
            else:
                report.alive(progress.step)
            if progress.step % config.validate_every == 0 or progress.step == config.steps:
                progress, measured = _validate(run, objective, data, progress, report), True
                save(run.last, objective, progress)
            if measured:
                _require_hope(run, objective, progress)
            if caught.asked or progress.step == stop_after:
                save(run.last, objective, progress)
                report.say(f"stopped at step {progress.step}; go on with: {program.resume(run.kind, run.folder)}")
                break
    return progress


def _step(run: Run, objective: Objective, train: Split, step: int) -> dict[str, torch.Tensor]:
    rows = shuffled_rows(len(train), run.config.batch_size, seed=run.config.seed, step=step)
    device = train.images.device
    return objective.step(train.take(rows.to(device)), step, noise_of(run.config.seed, step, device))


def _advance(progress: Progress, terms: dict[str, torch.Tensor]) -> Progress:
    """Sums stay on the device until the tick, so that a GPU need not be waited for at every step."""
    sums = {name: progress.sums.get(name, 0.0) + term.detach().double() for name, term in terms.items()}
    return replace(progress, step=progress.step + 1, sums=sums)


def _tick(run: Run, report: Report, progress: Progress) -> Progress:
    means = {name: float(value) / TICK for name, value in progress.sums.items()}
    run.append_statistics(progress.step, means)
    report.terms(progress.step, means)
    return replace(progress, sums={})


def _validate(run: Run, objective: Objective, data: ImageSet, progress: Progress, report: Report) -> Progress:
    values = objective.validate(data)
    score = values.get("score")
    if score is not None and math.isnan(score):
        score = math.inf
    run.append_statistics(progress.step, {f"validation/{name}": value for name, value in values.items()})
    # Without a score, the newest is the best there is, unless it is lost.
    best = score is None or progress.score is None or score < progress.score
    best = best and objective.failure(run.statistics()) is None
    report.validation(progress.step, values, best=best)
    for name, images in objective.pictures(data).items():
        report.pictures(progress.step, name, images, run.picture(name, progress.step))
    if not best:
        return replace(progress, waited=progress.waited + 1)
    progress = replace(progress, score=score, best_step=progress.step, waited=0)
    save(run.best, objective, progress)
    return progress


def _require_hope(run: Run, objective: Objective, progress: Progress) -> None:
    reason = objective.failure(run.statistics())
    if reason is None:
        return
    save(run.last, objective, progress)
    kept = f"the best network, of step {progress.best_step}, stays: {program.command('evaluate', run.folder)}"
    left = kept if run.best.exists() else "no network was good so far"
    raise Failed(f"{run.folder} stopped at step {progress.step}: {reason}; {left}")


def _out_of_patience(run: Run, progress: Progress) -> bool:
    return 0 < run.config.patience <= progress.waited
