"""Trains the detector of vehicles and plates on labelled street pictures.

    python -m lipiyana.vehicles.training.train_detector --data DIR --run runs/detector \
        --start models/vehicles.float.onnx.xz --minutes 75
    python -m lipiyana.vehicles.training.train_detector --data DIR --int8 --minutes 15 \
        --start runs/detector/last.pt --run runs/detector_int8 --body-rate 5e-5 --head-rate 1e-4

The learning rate warms up, stays constant, and falls over the last part of the given time; with
`--decay-share 0` it does not fall. Mosaics end when it falls, unless `--last-mosaics` is given. The
same command resumes an interrupted run; a run can be made longer by starting from its checkpoint
again. It trains on the train part and is evaluated on the selection part.

Hard negative mining: empty pictures with false detections are drawn more often.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lipiyana.learning.trainer import run
from lipiyana.learning.trainer.run import Measure, Run
from lipiyana.learning.trainer.run_options import add_run_options, prepare
from lipiyana.learning.trainer.schedule import learning_rate_factor
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.vehicles.detection.letterbox import InputShape
from lipiyana.vehicles.training.assignment import Assignment, assign
from lipiyana.vehicles.training.data.batches import (
    BATCH,
    MOSAIC_SHARE,
    Batch,
    BatchSource,
    CanvasMix,
    batch_loader,
)
from lipiyana.vehicles.training.data.canvas_shapes import SHAPES
from lipiyana.vehicles.training.data.canvases import SIZE
from lipiyana.vehicles.training.data.labels import CLASSES, coco_mix
from lipiyana.vehicles.training.data.rendered_scenes import drawn_streets, empty_scenes
from lipiyana.vehicles.training.data.street_pictures import StreetPicture, load_part, load_signs
from lipiyana.vehicles.training.data.variety import add_variety_options, variety_of
from lipiyana.vehicles.training.evaluation import (
    ClassScore,
    PredictFunction,
    find,
    mean_ap50,
    predict_with_torch,
    score,
)
from lipiyana.vehicles.training.export_detector import load_checkpoint
from lipiyana.vehicles.training.fake_quantization import simulate_int8
from lipiyana.vehicles.training.losses import Losses, losses
from lipiyana.vehicles.training.network import DetectorNet, anchor_points
from lipiyana.vehicles.training.norms import calibrate, folded, install
from lipiyana.vehicles.training.starting_weights import is_coco, load_coco, widened

EASY = 0.5
"""Relative probability of a picture without false detections in hard negative mining."""

_NEW_LAYERS = frozenset({"class_rows", "presence_rows", "added"})
_SURE = 0.1  # minimum score of a false detection that counts in mining
_MOST_FALSE = 3.0  # sum of the scores of false detections


@dataclass(frozen=True, slots=True)
class Recipe(run.Recipe):
    """Hyperparameters of a detector, for batches of about 8 canvases."""

    body_rate: float = 8e-4
    warm_up_steps: int = 300
    fade_steps: int = 1200
    decay_share: float = 0.3
    clip_norm: float = 10.0
    save_every_s: float = 120.0


class Trainer(Run[DetectorNet]):
    """The training run of a detector."""

    examples_name = "canvases"

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        device: torch.device,
        size: int = SIZE,
        classes: Sequence[str] = CLASSES,
        *,
        norms: bool = False,
        frozen: Sequence[str] = (),
    ) -> None:
        net = DetectorNet(len(classes))
        for layer in frozen:
            net.backbone.get_submodule(layer).requires_grad_(requires_grad=False)
        if norms:
            install(net)
        super().__init__(
            folder,
            net,
            recipe,
            device,
            is_new=lambda name: not _NEW_LAYERS.isdisjoint(name.split(".")),
            trained_for=("classes", list(classes)),
        )
        self.size = size

    @property
    def averaged(self) -> DetectorNet:
        """The moving average with batch norms folded, as it is evaluated and shipped."""
        return folded(self.moving_average)

    def start_from(self, path: Path, pixels: Tensor | None = None) -> None:
        """Load the weights of YOLOX-nano, a checkpoint or a float twin, for a new run.

        Args:
            path: the file.
            pixels: (N, 3, S, S), for calibrating batch norms; required if there are any.
        """
        if is_coco(path):
            load_coco(self.net, path, [coco_mix(label) for label in CLASSES])
            self._begin(pixels)
        else:
            self.start_from_weights(load_weights(path), pixels)

    def start_from_weights(
        self, weights: Mapping[str, Tensor], pixels: Tensor | None = None
    ) -> None:
        """Load weights without batch norms, for a new run; `pixels` as in `start_from`."""
        # the weights have nothing for the batch norms
        self.net.load_state_dict(widened(self.net, weights), strict=pixels is None)
        self._begin(pixels)

    def _begin(self, pixels: Tensor | None) -> None:
        if pixels is not None:
            self.net.fade_silu(self.fading_share)
            calibrate(self.net, pixels.to(self.device).float())
        self.reset_average()

    def learn(
        self,
        batch: Batch,
        rate_factor: float,
        extra_loss: Callable[[Tensor, Tensor, Assignment], Tensor] | None = None,
    ) -> Losses:
        """Take one optimizer step; `extra_loss` takes boxes, logits and assignment.

        Returns:
            The losses on the labels, detached.
        """
        self.net.train()
        for net in (self.net, self.moving_average):
            net.fade_silu(self.fading_share)
        pixels = batch.pixels.to(self.device).float()
        pixels = pixels.to(memory_format=torch.channels_last)
        with self.autocast():
            boxes, logits = self.net(pixels)
        points, strides = anchor_points(pixels.shape[3], pixels.shape[2])
        assigned = assign(
            batch.boxes.to(self.device),
            batch.classes.to(self.device),
            boxes.detach(),
            logits.detach().sigmoid(),
            points.to(self.device),
            strides.to(self.device),
        )
        lost = losses(boxes, logits, batch, assigned)
        total = lost.total
        if extra_loss is not None:
            total = total + extra_loss(boxes, logits, assigned)
        self.optimize(total, len(batch.pixels), rate_factor)
        return Losses(lost.score.detach(), lost.box.detach())


def train(
    trainer: Trainer,
    batches: Iterator[Batch],
    minutes: float,
    *,
    set_mosaic_share: Callable[[float], object] | None = None,
    last_mosaics: float = 0.0,
    measure: Measure | None = None,
) -> None:
    """Train for `minutes`, evaluating and saving at intervals.

    Args:
        trainer: the run.
        batches: endless batches.
        minutes: training time, including the loading of batches.
        set_mosaic_share: called with the share of mosaics before each step.
        last_mosaics: share of mosaics while the learning rate falls.
        measure: evaluates the moving average.
    """
    recipe = trainer.recipe
    score_loss = box_loss = 0.0
    for share in trainer.shares(minutes, measure):
        if set_mosaic_share:
            set_mosaic_share(MOSAIC_SHARE if share < 1 - recipe.decay_share else last_mosaics)
        lost = trainer.learn(next(batches), learning_rate_factor(trainer.step, share, recipe))
        score_loss, box_loss = score_loss + lost.score.item(), box_loss + lost.box.item()
        if trainer.step % 100 == 0:
            trainer.log({"score": round(score_loss / 100, 4), "box": round(box_loss / 100, 4)})
            score_loss = box_loss = 0.0


def load_detector(path: Path) -> DetectorNet:
    """Load a network with the weights of YOLOX-nano, a checkpoint or a float twin."""
    if not is_coco(path):
        return load_checkpoint(path)
    net = DetectorNet(len(CLASSES))
    load_coco(net, path, [coco_mix(label) for label in CLASSES])
    return net.eval()


def mining_chances(
    pictures: Sequence[StreetPicture], predict: PredictFunction, size: int
) -> tuple[float, ...]:
    """Relative probability of each picture, by the sum of the scores of its false detections.

    Hard negative mining: empty pictures with false detections are drawn more often.

    Args:
        pictures: pictures without vehicles or plates.
        predict: the detector.
        size: the longer side of its inputs.
    """
    found = find(pictures, predict, InputShape(size))
    wrong = [float(each.scores[each.scores >= _SURE].sum()) for each in found]
    return tuple(EASY + min(each, _MOST_FALSE) for each in wrong)


def _summary(scores: Mapping[str, ClassScore]) -> dict[str, object]:
    by_class = {label: round(entry.ap50, 4) for label, entry in scores.items()}
    return {"map50": round(mean_ap50(scores), 4), "ap50": by_class}


def main() -> None:
    """Run the command line."""
    defaults = Recipe()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with vehicles and signs")
    parser.add_argument(
        "--start", type=Path, required=True, help="file of YOLOX-nano, float twin or checkpoint"
    )
    parser.add_argument("--batch", type=int, default=BATCH, help="canvases a step")
    parser.add_argument("--size", type=int, default=SIZE, help="longer side of the input in pixels")
    parser.add_argument("--evaluate-every", type=float, default=defaults.evaluate_every_s / 60)
    parser.add_argument("--ema-decay", type=float, default=defaults.ema_decay)
    parser.add_argument(
        "--last-mosaics", type=float, default=0.0, help="share of mosaics while the rate falls"
    )
    parser.add_argument(
        "--frozen", nargs="*", default=(), help="layers of the backbone that are not trained"
    )
    parser.add_argument(
        "--scenes", type=int, default=0, help="rendered empty scenes; half as many rendered streets"
    )
    parser.add_argument("--no-norms", action="store_true", help="train without batch norms")
    add_variety_options(parser)
    add_run_options(parser, defaults)
    args = parser.parse_args()
    prepare(args)

    fresh = is_coco(args.start)
    recipe = Recipe(
        body_rate=args.body_rate,
        head_rate=args.head_rate,
        # only YOLOX-nano's own weights were trained with SiLU
        fade_steps=args.fade_steps if fresh else 0,
        decay_share=args.decay_share,
        ema_decay=args.ema_decay,
        evaluate_every_s=args.evaluate_every * 60,
    )
    # INT8 is simulated with batch norms folded
    norms = not (args.int8 or args.no_norms)
    trainer = Trainer(
        args.run,
        recipe,
        torch.device(args.device),
        args.size,
        norms=norms,
        frozen=args.frozen,
    )
    resumed = trainer.resume()
    drawn = drawn_streets(args.run / "drawn", args.scenes // 2, args.seed)
    pictures = (*load_part(args.data, "train"), *drawn)
    scenes = empty_scenes(args.run / "empty", args.scenes, args.seed)
    signs = load_signs(args.data, "train")
    teacher = trainer.averaged if resumed else load_detector(args.start)
    source = BatchSource(
        CanvasMix(
            pictures=pictures,
            size=trainer.size,
            batch=args.batch,
            seed=args.seed,
            workers=args.workers,
            variety=variety_of(args),
            empty=(*signs, *scenes),
            # rendered pictures are easy negatives
            empty_chances=(
                *mining_chances(signs, predict_with_torch(teacher), trainer.size),
                *(EASY for _ in scenes),
            ),
            shapes=SHAPES,
        ),
        first=trainer.step,  # a resumed run needs other random canvases than before
    )
    batches = iter(batch_loader(source))
    if not resumed:
        trainer.start_from(args.start, next(batches).pixels if norms else None)
    if args.int8:
        simulate_int8(trainer.net)
    selection = load_part(args.data, "selection")

    def measure() -> dict[str, object]:
        predict = predict_with_torch(trainer.averaged)
        found = find(selection, predict, InputShape(trainer.size))
        return _summary(score(selection, found))

    train(
        trainer,
        batches,
        args.minutes,
        set_mosaic_share=source.mosaic_share.fill_,
        last_mosaics=args.last_mosaics,
        measure=measure if args.evaluate_every else None,
    )


if __name__ == "__main__":
    main()
