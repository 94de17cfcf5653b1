"""Command-line options that every training run takes, and the set-up of torch."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch

from lipiyana.learning.trainer.run import Recipe


def add_run_options(parser: argparse.ArgumentParser, defaults: Recipe) -> None:
    """Add the options of a run; `prepare` applies them."""
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--workers", type=int, default=1, help="processes that make examples")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--body-rate", type=float, default=defaults.body_rate)
    parser.add_argument("--head-rate", type=float, default=defaults.head_rate)
    parser.add_argument("--fade-steps", type=int, default=defaults.fade_steps)
    parser.add_argument("--decay-share", type=float, default=defaults.decay_share)
    parser.add_argument("--int8", action="store_true", help="train with INT8 simulated")


def prepare(args: argparse.Namespace) -> None:
    """Set up torch and make the folder of the run."""
    set_up(args.threads, args.seed)
    args.run.mkdir(parents=True, exist_ok=True)


def set_up(threads: int, seed: int) -> None:
    """Set torch's number of threads and its random seed."""
    torch.set_num_threads(threads)
    # denormal numbers are a hundred times slower on CPUs, and are as good as 0 here
    torch.set_flush_denormal(True)
    torch.manual_seed(seed)
