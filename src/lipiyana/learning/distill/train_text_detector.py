"""Trains the text detector that ships, on photos of signs, photos of streets and rendered pictures.

    python -m lipiyana.learning.distill.train_text_detector --data DIR --run runs/text_detector \
        --minutes 90
    python -m lipiyana.learning.distill.train_text_detector --data DIR --int8 --minutes 20 \
        --start runs/text_detector/last.pt --run runs/text_detector_int8

The teacher labels the photos once, into the folder `pool` of the first run; words that are labelled
by hand correct it. The lines of rendered pictures are known. The same command resumes an
interrupted run. It trains on the train part and is evaluated on the selection part.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from lipiyana.arrays import RgbArray
from lipiyana.images.headers.formats import read_header
from lipiyana.images.loading import load
from lipiyana.learning.distill.crops import CropMix, batches
from lipiyana.learning.distill.finishing import read_student
from lipiyana.learning.distill.network import TextStudent, computed_in_int8, shift_of
from lipiyana.learning.distill.pictures.pool import Picture, Pool, PoolPicture, fill_pool
from lipiyana.learning.distill.pictures.sign_photos import SignPhoto, load_sign_photos, score_words
from lipiyana.learning.distill.pictures.streets import Streets
from lipiyana.learning.distill.pictures.walls import Walls
from lipiyana.learning.distill.pretrained import NAME as PRETRAINED
from lipiyana.learning.distill.pretrained import pretrained_weights
from lipiyana.learning.distill.student import FROM_PRETRAINED, StudentTrainer
from lipiyana.learning.distill.text_cores import LabelledPicture
from lipiyana.learning.quantize.search import open_file
from lipiyana.learning.trainer.fake_quantization import simulate_int8
from lipiyana.learning.trainer.run_options import add_run_options, prepare
from lipiyana.learning.trainer.schedule import learning_rate_factor
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.detection.detector import find_lines, network_input, scaled_picture
from lipiyana.ocr.detection.settings import SCENE_DETECTION
from lipiyana.ocr.training.plates.crops import photos_of_cars
from lipiyana.ocr.training.splits import folders, plate_part, validation_numbers
from lipiyana.rendering.contents.corpus import Corpus
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.packed import model_suffix
from lipiyana.runtime.store import ModelStore
from lipiyana.vehicles.training.data.street_pictures import load_part

_SIGN, _STREET, _CAR, _PLATE, _DRAWN = "sign", "street", "car", "plate", "drawn"
_WEIGHTS = {_SIGN: 12.0, _STREET: 0.6, _CAR: 2.0, _PLATE: 2.0, _DRAWN: 1.0}
"""How often a picture of each kind is drawn, beside one of another kind."""
PLATE_FOLDERS = ("in_plates", "in_plates2", "auto_rickshaw_ka", "ne_plates", "bn_plates")
_ORDER = 1
"""Seed of the order of the street pictures: runs with other seeds share the pool."""
_LEAST_SIDE = 600
"""Longer side of the street pictures, in pixels: text of smaller ones is illegible."""


def fill(args: argparse.Namespace) -> Pool:
    """Label the pictures of the train part, into the folder of the run; finished ones are kept."""
    signs = load_sign_photos(args.data, "train")
    streets = [p.path for p in load_part(args.data, "train") if _long_side(p.path) >= _LEAST_SIDE]
    random.Random(_ORDER).shuffle(streets)
    photos = {path.stem: partial(_photo, path) for path in streets[: args.streets]}
    corpus, fonts = Corpus.load(args.data / "words", split="train"), FontLibrary.load()
    drawers = Streets(corpus, fonts), Walls(corpus, fonts, list(photos.values()))
    pictures: list[tuple[str, Picture]] = [
        *((f"{_SIGN}-{photo.path.stem}", photo.labelled) for photo in signs),
        *((f"{_STREET}-{name}", photo) for name, photo in photos.items()),
        *((f"{_CAR}-{path.stem}", partial(_photo, path)) for path in _cars(args.data)),
        *((f"{_PLATE}-{p.parent.name}-{p.stem}", partial(_photo, p)) for p in _plates(args.data)),
        *((f"{_DRAWN}-{n:06d}", partial(drawers[n % 2].picture, n)) for n in range(args.drawn)),
    ]
    store = ModelStore(threads=1)
    entry = store.entry(args.teacher) if args.teacher else None
    teacher = open_file(
        (entry or store.default_for_task(Task.TEXT_DETECTOR)).file, Task.TEXT_DETECTOR
    )
    return fill_pool(args.pool or args.run / "pool", pictures, teacher)


def mix_of(pool: Pool, size: int, batch: int, seed: int) -> CropMix:
    """Compose batches of all pictures of a pool, photos of signs more often."""
    seen = pool.train + pool.validation  # the selection part is what is evaluated
    weights = tuple(_WEIGHTS[_kind(one)] for one in seen)
    return CropMix(seen, weights, size, batch, seed)


def detect_with(net: TextStudent, image: RgbArray) -> list[npt.NDArray[np.float64]]:
    """Find the lines in (H, W, 3) RGB as serving does; (4, 2) corners in its pixels."""
    scaled = scaled_picture(image, SCENE_DETECTION)
    with torch.inference_mode():
        logits = net(torch.from_numpy(network_input(scaled)))[0, 0]
    served = (logits + shift_of(SCENE_DETECTION.pixel_threshold)).sigmoid().numpy()
    factor = np.array(image.shape[1::-1]) / np.array(scaled.shape[1::-1])
    return [quad * factor for quad, _ in find_lines(served, scaled, SCENE_DETECTION)]


def measure(trainer: StudentTrainer, photos: Sequence[SignPhoto]) -> dict[str, object]:
    """Score the moving average on photos of signs."""
    scores = score_words(photos, partial(detect_with, trainer.averaged.eval()))
    return {**asdict(scores), "recall": round(scores.recall, 4), "f1": round(scores.f1, 4)}


def new_trainer(args: argparse.Namespace, mix: CropMix) -> StudentTrainer:
    """Resume the run, or begin it from `--start` or from PP-OCRv6's weights."""
    recipe = replace(
        FROM_PRETRAINED,
        body_rate=args.body_rate,
        head_rate=args.head_rate,
        decay_share=args.decay_share,
        fade_steps=0 if args.start else args.fade_steps,
        ema_decay=0.998,
        evaluate_every_s=args.evaluate_every,
    )
    trainer = StudentTrainer(args.run, recipe, norms=not args.int8)
    if args.int8:
        simulate_int8(trainer.net, computed_in_int8)
    if trainer.resume():
        return trainer
    pixels = (batch.pixels for batch in batches(mix, args.workers))
    if args.start:
        exported = model_suffix(args.start) == ".onnx"
        weights = read_student(args.start) if exported else load_weights(args.start)
    else:
        weights = pretrained_weights(ModelStore(threads=1).entry(PRETRAINED).file, pixels)
    trainer.start_from(weights, next(pixels))
    return trainer


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, help="folder with signs and vehicles")
    parser.add_argument("--pool", type=Path, help="folder of labelled pictures, of another run")
    parser.add_argument("--teacher", default=PRETRAINED, help="name of the detector that labels")
    parser.add_argument("--start", type=Path, help="checkpoint or float file to continue from")
    parser.add_argument("--streets", type=int, default=900, help="photos of streets")
    parser.add_argument("--drawn", type=int, default=2400, help="rendered pictures")
    parser.add_argument("--size", type=int, default=384, help="side of a crop in pixels")
    parser.add_argument("--batch", type=int, default=8, help="crops a step")
    parser.add_argument("--evaluate-every", type=float, default=600.0, help="seconds")
    parser.add_argument("--fill-only", action="store_true", help="label the pictures and end")
    add_run_options(parser, FROM_PRETRAINED)
    args = parser.parse_args()
    prepare(args)
    cv2.setNumThreads(1)
    pool = fill(args)
    if args.fill_only:
        return
    mix = mix_of(pool, args.size, args.batch, args.seed)
    trainer = new_trainer(args, mix)
    photos = load_sign_photos(args.data, "selection")
    # a resumed run needs other random crops than before
    stream = batches(replace(mix, seed=args.seed + trainer.step), args.workers)
    for share in trainer.shares(args.minutes, lambda: measure(trainer, photos)):
        trainer.learn(next(stream), learning_rate_factor(trainer.step, share, trainer.recipe))
        if trainer.step % 100 == 0:
            trainer.log({})


def _kind(seen: PoolPicture) -> str:
    return seen.picture.name.partition("-")[0]


def _cars(data: Path) -> list[Path]:
    """List the photos of cars of which neither plates nor vehicles are held out."""
    of_detector = {one.path for one in load_part(data, "train")}
    cars = photos_of_cars(data / "vehicles" / "train", "train")
    return [path for path, _ in cars if path in of_detector]


def _plates(data: Path) -> list[Path]:
    """List the crops of plates that are for training."""
    found = []
    for folder in PLATE_FOLDERS:
        crops = sorted((data / "text" / folder).glob("*.jpg"))
        held_out = validation_numbers(folder) if folder in folders() else frozenset()
        for path in crops:
            number = int(path.stem.rpartition("_")[2])
            if number not in held_out and plate_part(folder, path.stem) == "train":
                found.append(path)
    return found


def _photo(path: Path) -> LabelledPicture:
    return LabelledPicture(load(path))


def _long_side(path: Path) -> int:
    header = read_header(path.read_bytes())
    return max(header.width, header.height)


if __name__ == "__main__":
    main()
