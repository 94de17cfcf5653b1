"""Make the profile that the models ship with: `models/profile.json`, counts alone.

    python benchmarks/drift/shipped_profile.py [--data ../shared/data] [--pictures 150]
        [--out models/profile.json]

It counts street pictures and photos of signs of the report part, on which nothing was trained or
chosen. Run it again for new models: a profile of others is refused.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from lipiyana.drift.profile import Profile, digests
from lipiyana.drift.watching.last_picture import LastPicture
from lipiyana.pipeline import LocalRecognizer
from lipiyana.types import RecognitionConfig
from lipiyana.vehicles.training.data.street_pictures import load_part, load_signs

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Read the pictures and write the profile."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=ROOT / ".." / "shared" / "data")
    parser.add_argument("--pictures", type=int, default=150)
    parser.add_argument("--out", type=Path, default=ROOT / "models" / "profile.json")
    args = parser.parse_args()
    pictures = load_part(args.data, "report") + load_signs(args.data, "report")
    chosen = np.random.default_rng(0).permutation(len(pictures))[: args.pictures]
    noted = LastPicture()
    recognizer = LocalRecognizer(threads=1, observer=noted)
    profile = Profile(models=digests(recognizer.models))
    for index in chosen:
        pixels = pictures[index].pixels()
        recognizer.recognize_pixels(pixels, RecognitionConfig())
        profile.total.add(noted.observation)
    profile.write(args.out)
    print(f"{profile.total.pictures} of {len(pictures)} pictures counted in {args.out}")


if __name__ == "__main__":
    main()
