"""The command `lipiyana`, which learns fast and registers what is weak: for tiny models.

Run as a script, it is the command itself, in a process of its own.
"""

from __future__ import annotations

from functools import partial

from lipiyana.cli.main import app
from lipiyana.learning.finetune.reader import run
from lipiyana.learning.quantize import floor
from lipiyana.learning.trainer.run import Recipe

QUICK = Recipe(1e-2, 1e-2, warm_up_steps=1, fade_steps=0, decay_share=0.3, ema_decay=0.9)


def main() -> None:
    """Run the command line."""
    floor.LEAST = floor.LEAST_SHARE = 0.0
    run.ReaderRecipe = partial(  # type: ignore[misc, assignment]
        run.ReaderRecipe, training=QUICK, retained_lines=4
    )
    run.sample_lines = lambda _: ()
    app()


if __name__ == "__main__":
    main()
