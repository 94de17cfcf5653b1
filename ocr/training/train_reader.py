"""Trains the line reader on rendered text and, in a second phase, also on real crops.

    python -m lipiyana.ocr.training.train_reader --words DIR --run runs/reader --minutes 90
    python -m lipiyana.ocr.training.train_reader --words DIR --crops DIR --real-share 0.3
        --street DIR --plate-share 0.2 --run runs/reader --start runs/reader/rendered.pt
        --minutes 40

The learning rate warms up, stays constant, and falls over the last part of the given time, so a
run can be made longer by starting from its checkpoint again.

`ScriptBalance` renders more lines of the scripts that are still read badly.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from lipiyana.learning.trainer.fake_quantization import simulate_int8
from lipiyana.learning.trainer.metrics import cer
from lipiyana.learning.trainer.run import Measure, Recipe, Run
from lipiyana.learning.trainer.run_options import add_run_options, prepare
from lipiyana.learning.trainer.schedule import learning_rate_factor
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.table import SCRIPTS
from lipiyana.ocr.training.batches import (
    Batch,
    BatchSource,
    SourceConfig,
    batch_loader,
    greedy_texts,
)
from lipiyana.ocr.training.evaluation import read_with_torch, score_crops
from lipiyana.ocr.training.network import LineReaderNet, ReaderShape, load_pretrained

# Latin lines and digits occur with every script on Indian roads, so Latin has a high prior
PRIOR = {"Latn": 5.0, "Deva": 2.2, "Beng": 2.4, "Telu": 1.4, "Knda": 1.2, "Taml": 1.2}
MEMORY = 0.95
FLOOR = 0.03


class ScriptBalance:
    """Weights each script by a prior and the square root of its recent error.

    `shared` is a tensor in shared memory that the rendering processes read.
    """

    def __init__(self, codes: tuple[str, ...], shared: Tensor) -> None:
        self.codes = codes
        self.shared = shared
        self._errors = dict.fromkeys(codes, 0.5)
        self._update()

    @classmethod
    def uniform(cls) -> ScriptBalance:
        """Start with the same error for all scripts."""
        codes = tuple(SCRIPTS)
        return cls(codes, torch.zeros(len(codes), dtype=torch.float64).share_memory_())

    def observe(self, batch: Batch, logits: Tensor, charset: Charset) -> dict[str, float]:
        """Update with the errors of a training batch; return `report`."""
        read = greedy_texts(logits, charset)
        for text, truth, code in zip(read, batch.texts, batch.scripts, strict=True):
            if code in self._errors:
                error = min(1.0, cer(truth, text))
                self._errors[code] += (1 - MEMORY) * (error - self._errors[code])
        self._update()
        return self.report()

    def report(self) -> dict[str, float]:
        """Recent character error rate of each script, in percent."""
        return {code: round(100 * error, 1) for code, error in self._errors.items()}

    def _update(self) -> None:
        weights = [
            PRIOR.get(code, 1.0) * max(FLOOR, error) ** 0.5 for code, error in self._errors.items()
        ]
        self.shared.copy_(torch.tensor(weights, dtype=torch.float64) / sum(weights))


class Trainer(Run[LineReaderNet]):
    """The training run of a reader."""

    examples_name = "lines"

    def __init__(
        self,
        folder: Path,
        charset: Charset,
        recipe: Recipe,
        device: torch.device,
        shape: ReaderShape | None = None,
    ) -> None:
        super().__init__(
            folder,
            LineReaderNet(shape or ReaderShape(classes=charset.classes)),
            recipe,
            device,
            is_new=lambda name: name.startswith("head."),
            trained_for=("charset", charset.sha256),
        )
        self.charset = charset

    def start_from(self, path: Path) -> None:
        """Load the weights of a checkpoint or a float twin, for a new run."""
        self.net.load_state_dict(load_weights(path))
        self.reset_average()

    def start_from_pretrained(self, onnx_path: Path) -> None:
        """Load PP-OCRv6 small's weights, for a new run."""
        load_pretrained(self.net, onnx_path, self.charset.characters)
        self.reset_average()

    def learn(
        self,
        batch: Batch,
        rate_factor: float,
        extra_loss: Callable[[Batch, Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Take one optimizer step; `extra_loss` takes batch and logits.

        Returns:
            The logits (N, T, classes), detached.
        """
        self.net.train()
        self.net.fade_gelu(self.fading_share)
        pixels = batch.pixels.to(self.device, memory_format=torch.channels_last)
        with self.autocast():
            logits = self.net(pixels)
        loss = ctc_loss(logits, batch)
        if extra_loss is not None:
            loss = loss + extra_loss(batch, logits)
        self.optimize(loss, len(batch.texts), rate_factor)
        detached: Tensor = logits.detach().float()
        return detached


def ctc_loss(logits: Tensor, batch: Batch) -> Tensor:
    """CTC loss by the characters of each line, averaged; lines that do not fit their crop add 0."""
    steps = torch.full((len(batch.texts),), logits.shape[1], dtype=torch.long)
    log_probabilities = logits.float().log_softmax(-1).transpose(0, 1)
    return nn.functional.ctc_loss(
        log_probabilities, batch.labels, steps, batch.lengths, zero_infinity=True
    )


def train(
    trainer: Trainer,
    batches: Iterator[Batch],
    minutes: float,
    *,
    observe: Callable[[Batch, Tensor], Mapping[str, float]] | None = None,
    measure: Measure | None = None,
) -> None:
    """Train for `minutes`, evaluating and saving at intervals.

    Args:
        trainer: the run.
        batches: endless batches.
        minutes: training time, including the loading of batches.
        observe: called with a batch and its logits at intervals; its result is logged.
        measure: evaluates the moving average.
    """
    seen: Mapping[str, float] = {}
    for share in trainer.shares(minutes, measure):
        batch = next(batches)
        factor = learning_rate_factor(trainer.step, share, trainer.recipe)
        logits = trainer.learn(batch, factor)
        if observe and trainer.step % 20 == 0:
            seen = observe(batch, logits)
        if trainer.step % 100 == 0:
            trainer.log(seen)


def main() -> None:
    """Run the command line."""
    defaults = Recipe()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=Path, required=True, help="folder of word lists")
    parser.add_argument("--crops", type=Path, help="folder of real crops for validation")
    parser.add_argument(
        "--real-share", type=float, default=0.0, help="share of real training crops"
    )
    parser.add_argument(
        "--plate-share",
        type=float,
        default=0.0,
        help="share of plate rows, of which --real-share are real",
    )
    parser.add_argument("--street", type=Path, help="folder of street pictures with plates")
    parser.add_argument(
        "--pool",
        type=Path,
        help="folder of more real lines, see lipiyana.learning.distill.pictures.line_pool",
    )
    parser.add_argument("--start", type=Path, help="initial weights, instead of PP-OCRv6's")
    parser.add_argument(
        "--max-width", type=int, default=480, help="maximum width of a training line, in pixels"
    )
    add_run_options(parser, defaults)
    args = parser.parse_args()
    prepare(args)

    recipe = Recipe(
        body_rate=args.body_rate,
        head_rate=args.head_rate,
        # only PP-OCRv6's own weights were trained with GELU
        fade_steps=0 if args.start else args.fade_steps,
        decay_share=args.decay_share,
    )
    trainer = Trainer(args.run, Charset.load(), recipe, torch.device(args.device))
    if not trainer.resume():
        if args.start:
            trainer.start_from(args.start)
        else:
            import rapidocr

            models = Path(rapidocr.__file__).parent / "models"
            trainer.start_from_pretrained(models / "PP-OCRv6_rec_small.onnx")
    if args.int8:
        simulate_int8(trainer.net)
    source = SourceConfig(
        words=args.words,
        crops=args.crops if args.real_share > 0 else None,
        pool=args.pool,
        street=args.street,
        real_share=args.real_share,
        plate_share=args.plate_share,
        # a resumed run needs other random lines than before
        seed=args.seed + trainer.step,
        workers=args.workers,
        max_width=args.max_width,
    )
    balance = ScriptBalance.uniform()
    train(
        trainer,
        iter(batch_loader(BatchSource(source, balance.shared))),
        args.minutes,
        observe=lambda batch, logits: balance.observe(batch, logits, trainer.charset),
        measure=(lambda: _measure(trainer, args.crops, args.street)) if args.crops else None,
    )


def _measure(trainer: Trainer, crops: Path, street: Path | None) -> dict[str, object]:
    scores = score_crops(read_with_torch(trainer.averaged), trainer.charset, crops, street)
    return {"real": {folder: asdict(score) for folder, score in scores.items()}}


if __name__ == "__main__":
    main()
