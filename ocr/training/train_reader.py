"""Trains the line reader on rendered text and, in a second phase, on real crops too.

    python -m lipiyana.ocr.training.train_reader --words DIR --run runs/reader --minutes 90
    python -m lipiyana.ocr.training.train_reader --words DIR --crops DIR --real-share 0.3 \
        --run runs/reader --start runs/reader/rendered.pt --minutes 40

A run is a folder: `last.pt` is what it goes on from after any stop, `log.jsonl` what was
measured. The learning rate warms up, stays, and falls over the last part of the time given, so
that a run can be lengthened by starting from its checkpoint again.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lipiyana.ocr.charset import Charset
from lipiyana.ocr.training.batches import Batch, BatchSource, SourceConfig, batch_loader
from lipiyana.ocr.training.checkpoints import load_weights
from lipiyana.ocr.training.evaluation import CropScore, read_with_torch, score_crops
from lipiyana.ocr.training.fake_quantization import simulate_int8
from lipiyana.ocr.training.network import LineReaderNet, ReaderShape, load_pretrained
from lipiyana.ocr.training.schedule import learning_rate_factor
from lipiyana.ocr.training.script_balance import ScriptBalance


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a run learns. Learning rates are of AdamW, at a batch of about `pixels / 160` lines."""

    body_rate: float = 5e-4
    head_rate: float = 2e-3
    weight_decay: float = 0.01
    warm_up_steps: int = 200
    fade_steps: int = 1500
    decay_share: float = 0.25
    ema_decay: float = 0.998
    clip_norm: float = 2.0
    evaluate_every_s: float = 900.0
    save_every_s: float = 240.0


class Trainer:
    """One run: network, its moving average, optimizer and step, saved together."""

    def __init__(
        self,
        run: Path,
        charset: Charset,
        recipe: Recipe,
        device: torch.device,
        shape: ReaderShape | None = None,
    ) -> None:
        self.run, self.charset, self.recipe, self.device = run, charset, recipe, device
        self.net = LineReaderNet(shape or ReaderShape(classes=charset.classes)).to(device)
        # torch types the module's `to` without the memory format that it takes
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = torch.optim.swa_utils.AveragedModel(
            self.net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.ema_decay)
        )
        head = list(self.net.head.parameters())
        body = [p for name, p in self.net.named_parameters() if not name.startswith("head.")]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": body, "peak": recipe.body_rate},
                {"params": head, "peak": recipe.head_rate},
            ],
            lr=recipe.body_rate,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        self.step = 0
        self.trained_s = 0.0
        self.lines = 0

    @property
    def averaged(self) -> LineReaderNet:
        """The moving average of the network: what is measured and shipped."""
        net = self.average.module
        assert isinstance(net, LineReaderNet)
        return net

    def start_from(self, path: Path) -> None:
        """Take the weights of a checkpoint or of a float twin, and begin anew."""
        self.net.load_state_dict(load_weights(path))
        self.averaged.load_state_dict(self.net.state_dict())

    def start_from_pretrained(self, onnx_path: Path) -> None:
        """Take PP-OCRv6 small's weights."""
        load_pretrained(self.net, onnx_path, self.charset.characters)
        self.averaged.load_state_dict(self.net.state_dict())

    def save(self, name: str = "last.pt") -> None:
        """Write everything the run goes on from; a reader never sees a half-written file."""
        state = {
            "net": self.net.state_dict(),
            "average": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "trained_s": self.trained_s,
            "lines": self.lines,
            "charset": self.charset.sha256,
        }
        partial = self.run / f"{name}.part"
        torch.save(state, partial)
        partial.replace(self.run / name)

    def resume(self) -> bool:
        """Go on from `last.pt`, if there is one.

        Raises:
            ValueError: the checkpoint was trained with another charset.
        """
        path = self.run / "last.pt"
        if not path.exists():
            return False
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["charset"] != self.charset.sha256:
            raise ValueError(f"{path} was trained with another charset")
        self.net.load_state_dict(state["net"])
        self.averaged.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.trained_s = state["step"], state["trained_s"]
        self.lines = state["lines"]
        return True

    def _gelu_share(self) -> float:
        fade = self.recipe.fade_steps
        return max(0.0, 1 - self.step / fade) if fade else 0.0

    def learn(
        self,
        batch: Batch,
        rate_factor: float,
        beside: Callable[[Batch, Tensor], Tensor] | None = None,
    ) -> Tensor:
        """One step; `beside` gives a loss of batch and logits that is added to CTC's.

        Returns:
            The logits (N, T, classes), detached.
        """
        self.net.train()
        self.net.fade_gelu(self._gelu_share())
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * rate_factor
        pixels = batch.pixels.to(self.device, memory_format=torch.channels_last)
        bf16 = self.device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=bf16):
            logits = self.net(pixels)
        loss = ctc_loss(logits, batch)
        if beside is not None:
            loss = loss + beside(batch, logits)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.update_parameters(self.net)
        self.step += 1
        self.lines += len(batch.texts)
        detached: Tensor = logits.detach().float()
        return detached


def ctc_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Mean over lines of the CTC loss a character; lines too long for their crop count nothing."""
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
    measure: Callable[[], Mapping[str, CropScore]] | None = None,
) -> None:
    """Train for `minutes` more of computing, measuring and saving on the way.

    Args:
        trainer: the run.
        batches: endless.
        minutes: of computing, reading included.
        observe: is shown a batch and its logits now and then; what it returns is logged.
        measure: scores the moving average.
    """
    recipe, run = trainer.recipe, trainer.run
    begun = time.monotonic()
    evaluated = saved = begun
    before = trainer.trained_s
    seen: Mapping[str, float] = {}
    while (elapsed := time.monotonic() - begun) < minutes * 60:
        batch = next(batches)
        factor = learning_rate_factor(trainer.step, elapsed / (minutes * 60), recipe)
        logits = trainer.learn(batch, factor)
        trainer.trained_s = before + elapsed
        if observe and trainer.step % 20 == 0:
            seen = observe(batch, logits)
        if trainer.step % 100 == 0:
            _log(run, trainer, {"lines_per_s": round(trainer.lines / trainer.trained_s, 1), **seen})
        now = time.monotonic()
        if now - saved > recipe.save_every_s:
            trainer.save()
            saved = time.monotonic()
        if measure and now - evaluated > recipe.evaluate_every_s:
            _log(run, trainer, {"real": _as_dicts(measure())})
            evaluated = time.monotonic()
    trainer.save()
    if measure:
        _log(run, trainer, {"real": _as_dicts(measure()), "final": True})


def _as_dicts(scores: Mapping[str, CropScore]) -> dict[str, dict[str, float]]:
    return {folder: asdict(score) for folder, score in scores.items()}


def _log(run: Path, trainer: Trainer, measured: Mapping[str, object]) -> None:
    at = {"step": trainer.step, "lines": trainer.lines, "s": round(trainer.trained_s)}
    with (run / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps({**at, **measured}, ensure_ascii=False) + "\n")


def main() -> None:
    """Read the command line and train."""
    defaults = Recipe()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=Path, required=True, help="folder of word lists")
    parser.add_argument("--crops", type=Path, help="folder of real crops, to measure on")
    parser.add_argument(
        "--real-share", type=float, default=0.0, help="share of real training crops"
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--start", type=Path, help="weights to begin from, instead of PP-OCRv6's")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--workers", type=int, default=1, help="rendering processes")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--max-width", type=int, default=480, help="of a training line, in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--body-rate", type=float, default=defaults.body_rate)
    parser.add_argument("--head-rate", type=float, default=defaults.head_rate)
    parser.add_argument("--fade-steps", type=int, default=defaults.fade_steps)
    parser.add_argument("--decay-share", type=float, default=defaults.decay_share)
    parser.add_argument("--int8", action="store_true", help="learn to compute in INT8")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    # denormals are a hundred times slower on CPUs, and mean nothing here
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    args.run.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(
        body_rate=args.body_rate,
        head_rate=args.head_rate,
        # only PP-OCRv6's own weights know GELU
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
        real_share=args.real_share,
        # other text than before, where a run goes on
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
        measure=(lambda: _measure(trainer, args.crops)) if args.crops else None,
    )


def _measure(trainer: Trainer, crops: Path) -> dict[str, CropScore]:
    return score_crops(read_with_torch(trainer.averaged), trainer.charset, crops)


if __name__ == "__main__":
    main()
