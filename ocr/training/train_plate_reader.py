"""Trains the reader of plates' rows, from the line reader's weights.

    python -m lipiyana.ocr.training.train_plate_reader --run runs/plates \
        --start runs/reader/last.pt --minutes 30 [--crops DIR --street DIR --real-share 0.25]

The network is the line reader's without some of its last blocks: a plate has few letters, in
plain shapes. Its charset is what registrations are painted with.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from pathlib import Path

import torch

from lipiyana.ocr.charset import Charset
from lipiyana.ocr.line_input import line_input
from lipiyana.ocr.training.batches import greedy_texts
from lipiyana.ocr.training.checkpoints import load_weights
from lipiyana.ocr.training.evaluation import CropScore, read_with_torch, score_lines
from lipiyana.ocr.training.fake_quantization import simulate_int8
from lipiyana.ocr.training.network import LineReaderNet, ReaderShape
from lipiyana.ocr.training.plate_lines import (
    PlateLineSource,
    PlateSourceConfig,
    plate_charset,
    plate_loader,
    real_rows,
)
from lipiyana.ocr.training.train_reader import Recipe, Trainer, train

KEPT_BLOCKS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10)
"""Of the line reader's blocks; those left out add to their input, and can be done without."""


def plate_shape(charset: Charset) -> ReaderShape:
    """The sizes of the plate reader."""
    blocks = ReaderShape(charset.classes).blocks
    return ReaderShape(charset.classes, blocks=tuple(blocks[index] for index in KEPT_BLOCKS))


def start_from_reader(net: LineReaderNet, reader: Path, charset: Charset) -> None:
    """Take a line reader's weights: the kept blocks, and the rows of the common characters."""
    weights = load_weights(reader)
    state = {name: value for name, value in weights.items() if not name.startswith("blocks.")}
    for new, old in enumerate(KEPT_BLOCKS):
        prefix = f"blocks.{old}."
        state |= {
            f"blocks.{new}.{name.removeprefix(prefix)}": value
            for name, value in weights.items()
            if name.startswith(prefix)
        }
    known = {character: row for row, character in enumerate(["", *Charset.load().characters])}
    rows = [known[character] for character in ("", *charset.characters)]
    state["head.weight"], state["head.bias"] = (
        weights["head.weight"][rows],
        weights["head.bias"][rows],
    )
    net.load_state_dict(state)


def score_rows(
    net: LineReaderNet, charset: Charset, crops: Path, street: Path | None
) -> dict[str, CropScore]:
    """Read the validation rows greedily; letters and digits alone count."""
    read = read_with_torch(net)
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for source, image, truth in real_rows(crops, street, "validation"):
        output = torch.from_numpy(read(line_input(image)[None]))
        found[source].append((truth, greedy_texts(output, charset)[0]))
    return {source: score_lines(pairs) for source, pairs in found.items()}


def main() -> None:
    """Read the command line and train."""
    defaults = Recipe()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--start", type=Path, required=True, help="a line reader's weights")
    parser.add_argument("--crops", type=Path, help="folder of real crops")
    parser.add_argument("--street", type=Path, help="folder of street pictures with plates")
    parser.add_argument("--real-share", type=float, default=0.0)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--workers", type=int, default=1, help="rendering processes")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--max-width", type=int, default=320, help="of a row, in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--body-rate", type=float, default=defaults.body_rate)
    parser.add_argument("--head-rate", type=float, default=defaults.head_rate)
    parser.add_argument("--decay-share", type=float, default=defaults.decay_share)
    parser.add_argument("--int8", action="store_true", help="learn to compute in INT8")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    args.run.mkdir(parents=True, exist_ok=True)
    charset = plate_charset()
    recipe = Recipe(
        body_rate=args.body_rate,
        head_rate=args.head_rate,
        fade_steps=0,
        decay_share=args.decay_share,
        evaluate_every_s=300,
    )
    device = torch.device(args.device)
    trainer = Trainer(args.run, charset, recipe, device, plate_shape(charset))
    if not trainer.resume():
        start_from_reader(trainer.net, args.start, charset)
        trainer.averaged.load_state_dict(trainer.net.state_dict())
    if args.int8:
        simulate_int8(trainer.net)
    config = PlateSourceConfig(
        args.crops,
        args.street,
        args.real_share,
        args.seed + trainer.step,
        args.workers,
        args.max_width,
    )
    train(
        trainer,
        iter(plate_loader(PlateLineSource(config))),
        args.minutes,
        measure=(
            (lambda: score_rows(trainer.averaged, charset, args.crops, args.street))
            if args.crops
            else None
        ),
    )


if __name__ == "__main__":
    main()
