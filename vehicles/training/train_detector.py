"""Trains the detector of vehicles and plates on labelled street pictures.

    python -m lipiyana.vehicles.training.train_detector --pictures DIR --start yolox_nano.onnx \
        --run runs/detector --minutes 75
    python -m lipiyana.vehicles.training.train_detector --pictures DIR --int8 --minutes 15 \
        --start runs/detector/last.pt --run runs/detector_int8 --body-rate 5e-5 --head-rate 1e-4

A run is a folder: `last.pt` is what it goes on from after any stop, `log.jsonl` what was
measured. The learning rate warms up, stays, and falls over the last part of the time given, when
the mosaics end too; a run can be lengthened by starting from its checkpoint again.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from lipiyana.ocr.training.schedule import learning_rate_factor
from lipiyana.vehicles.training.assignment import assign
from lipiyana.vehicles.training.batches import (
    BATCH,
    MOSAIC_SHARE,
    Batch,
    BatchSource,
    SourceConfig,
    batch_loader,
)
from lipiyana.vehicles.training.checkpoints import is_coco, load_weights
from lipiyana.vehicles.training.evaluation import (
    ClassScore,
    find,
    mean_ap50,
    predict_with_torch,
    score,
)
from lipiyana.vehicles.training.fake_quantization import simulate_int8
from lipiyana.vehicles.training.labels import CLASSES, coco_mix
from lipiyana.vehicles.training.losses import Losses, losses
from lipiyana.vehicles.training.network import DetectorNet, anchor_points, load_coco
from lipiyana.vehicles.training.street_pictures import load_pictures

_NEW_LAYERS = ("class_rows", "presence_rows")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a run learns. Learning rates are of AdamW, at batches of about 8 canvases."""

    body_rate: float = 2e-4
    head_rate: float = 1e-3
    weight_decay: float = 0.01
    warm_up_steps: int = 300
    fade_steps: int = 1200
    decay_share: float = 0.3
    ema_decay: float = 0.998
    clip_norm: float = 10.0
    evaluate_every_s: float = 900.0
    save_every_s: float = 120.0


class Trainer:
    """One run: network, its moving average, optimizer and step, saved together."""

    def __init__(self, run: Path, recipe: Recipe, device: torch.device, size: int = 416) -> None:
        self.run, self.recipe, self.device, self.size = run, recipe, device, size
        self.net = DetectorNet(len(CLASSES)).to(device)
        # torch types the module's `to` without the memory format that it takes
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = torch.optim.swa_utils.AveragedModel(
            self.net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.ema_decay)
        )
        named = list(self.net.named_parameters())
        head = [p for name, p in named if name.split(".")[-2] in _NEW_LAYERS]
        body = [p for name, p in named if name.split(".")[-2] not in _NEW_LAYERS]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": body, "peak": recipe.body_rate},
                {"params": head, "peak": recipe.head_rate},
            ],
            lr=recipe.body_rate,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        points, strides = anchor_points(size)
        self._points, self._strides = points.to(device), strides.to(device)
        self.step = 0
        self.trained_s = 0.0
        self.canvases = 0

    @property
    def averaged(self) -> DetectorNet:
        """The moving average of the network: what is measured and shipped."""
        net = self.average.module
        assert isinstance(net, DetectorNet)
        return net

    def start_from(self, path: Path) -> None:
        """Take the weights of a checkpoint or of a float twin, and begin anew."""
        self.net.load_state_dict(load_weights(path))
        self.averaged.load_state_dict(self.net.state_dict())

    def start_from_coco(self, path: Path) -> None:
        """Take YOLOX-nano's weights."""
        load_coco(self.net, path, [coco_mix(label) for label in CLASSES])
        self.averaged.load_state_dict(self.net.state_dict())

    def save(self, name: str = "last.pt") -> None:
        """Write everything the run goes on from; a reader never sees a half-written file."""
        state = {
            "net": self.net.state_dict(),
            "average": self.averaged.state_dict(),
            "averaged_steps": self.average.n_averaged,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "trained_s": self.trained_s,
            "canvases": self.canvases,
            "classes": list(CLASSES),
        }
        partial = self.run / f"{name}.part"
        torch.save(state, partial)
        partial.replace(self.run / name)

    def resume(self) -> bool:
        """Go on from `last.pt`, if there is one.

        Raises:
            ValueError: the checkpoint was trained with other classes.
        """
        path = self.run / "last.pt"
        if not path.exists():
            return False
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["classes"] != list(CLASSES):
            raise ValueError(f"{path} was trained with other classes")
        self.net.load_state_dict(state["net"])
        self.averaged.load_state_dict(state["average"])
        self.average.n_averaged.copy_(state["averaged_steps"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.trained_s = state["step"], state["trained_s"]
        self.canvases = state["canvases"]
        return True

    def _silu_share(self) -> float:
        fade = self.recipe.fade_steps
        return max(0.0, 1 - self.step / fade) if fade else 0.0

    def learn(self, batch: Batch, rate_factor: float) -> Losses:
        """One step; returns the losses, detached."""
        self.net.train()
        share = self._silu_share()
        self.net.fade_silu(share)
        self.averaged.fade_silu(share)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * rate_factor
        pixels = batch.pixels.to(self.device).float()
        pixels = pixels.to(memory_format=torch.channels_last)
        bf16 = self.device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=bf16):
            boxes, logits = self.net(pixels)
        assigned = assign(
            batch.boxes.to(self.device),
            batch.classes.to(self.device),
            boxes.detach(),
            logits.detach().sigmoid(),
            self._points,
            self._strides,
        )
        lost = losses(boxes, logits, batch, assigned)
        lost.total.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.update_parameters(self.net)
        self.step += 1
        self.canvases += len(batch.pixels)
        return Losses(lost.score.detach(), lost.box.detach())


def train(
    trainer: Trainer,
    batches: Iterator[Batch],
    minutes: float,
    *,
    set_mosaic_share: Callable[[float], object] | None = None,
    measure: Callable[[], Mapping[str, ClassScore]] | None = None,
) -> None:
    """Train for `minutes` more of computing, measuring and saving on the way.

    Args:
        trainer: the run.
        batches: endless.
        minutes: of computing, drawing the canvases included.
        set_mosaic_share: is told how many canvases are to be mosaics.
        measure: scores the moving average.
    """
    recipe, run = trainer.recipe, trainer.run
    begun = time.monotonic()
    evaluated = saved = begun
    before = trainer.trained_s
    score_loss = box_loss = 0.0
    while (elapsed := time.monotonic() - begun) < minutes * 60:
        share = elapsed / (minutes * 60)
        if set_mosaic_share:
            set_mosaic_share(MOSAIC_SHARE if share < 1 - recipe.decay_share else 0.0)
        lost = trainer.learn(next(batches), learning_rate_factor(trainer.step, share, recipe))
        trainer.trained_s = before + elapsed
        score_loss, box_loss = score_loss + lost.score.item(), box_loss + lost.box.item()
        if trainer.step % 100 == 0:
            means = {"score": round(score_loss / 100, 4), "box": round(box_loss / 100, 4)}
            rate = round(trainer.canvases / trainer.trained_s, 2)
            _log(run, trainer, {"canvases_per_s": rate, **means})
            score_loss = box_loss = 0.0
        now = time.monotonic()
        if now - saved > recipe.save_every_s:
            trainer.save()
            saved = now
        if measure and now - evaluated > recipe.evaluate_every_s:
            _log(run, trainer, _summary(measure()))
            evaluated = time.monotonic()
    trainer.save()
    if measure:
        _log(run, trainer, {**_summary(measure()), "final": True})


def _summary(scores: Mapping[str, ClassScore]) -> dict[str, object]:
    by_class = {label: round(entry.ap50, 4) for label, entry in scores.items()}
    return {"map50": round(mean_ap50(scores), 4), "ap50": by_class}


def _log(run: Path, trainer: Trainer, measured: Mapping[str, object]) -> None:
    at = {"step": trainer.step, "canvases": trainer.canvases, "s": round(trainer.trained_s)}
    with (run / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps({**at, **measured}) + "\n")


def main() -> None:
    """Read the command line and train."""
    defaults = Recipe()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, required=True, help="folder with meta.json")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument(
        "--start", type=Path, required=True, help="YOLOX-nano, a float twin or a checkpoint"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--workers", type=int, default=1, help="processes that draw canvases")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=BATCH, help="canvases a step")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--body-rate", type=float, default=defaults.body_rate)
    parser.add_argument("--head-rate", type=float, default=defaults.head_rate)
    parser.add_argument("--fade-steps", type=int, default=defaults.fade_steps)
    parser.add_argument("--decay-share", type=float, default=defaults.decay_share)
    parser.add_argument("--evaluate-every", type=float, default=defaults.evaluate_every_s / 60)
    parser.add_argument("--int8", action="store_true", help="learn to compute in INT8")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    # denormals are a hundred times slower on CPUs, and mean nothing here
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    args.run.mkdir(parents=True, exist_ok=True)
    fresh = is_coco(args.start)
    recipe = Recipe(
        body_rate=args.body_rate,
        head_rate=args.head_rate,
        # only YOLOX-nano's own weights know SiLU
        fade_steps=args.fade_steps if fresh else 0,
        decay_share=args.decay_share,
        evaluate_every_s=args.evaluate_every * 60,
    )
    trainer = Trainer(args.run, recipe, torch.device(args.device))
    if not trainer.resume():
        if fresh:
            trainer.start_from_coco(args.start)
        else:
            trainer.start_from(args.start)
    if args.int8:
        simulate_int8(trainer.net)
    source = BatchSource(
        SourceConfig(
            pictures=args.pictures,
            size=trainer.size,
            batch=args.batch,
            # other canvases than before, where a run goes on
            seed=args.seed + trainer.step,
            workers=args.workers,
        )
    )
    validation = load_pictures(args.pictures, "validation")

    def measure() -> dict[str, ClassScore]:
        return score(
            validation, find(validation, predict_with_torch(trainer.averaged), trainer.size)
        )

    train(
        trainer,
        iter(batch_loader(source)),
        args.minutes,
        set_mosaic_share=source.mosaic_share.fill_,
        measure=measure,
    )


if __name__ == "__main__":
    main()
