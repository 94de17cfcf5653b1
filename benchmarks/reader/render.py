"""Lines rendered per second on one core, by script.

    python benchmarks/reader/render.py [--lines 300]

Times are the CPU time of this process, so that other load on the machine does not count.
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np

from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.text.lines import render_line

WORDS = {
    "Deva": "विद्यालय", "Beng": "স্বাস্থ্য", "Guru": "ਸਿੱਖਿਆ", "Gujr": "ગુજરાત", "Orya": "ଓଡ଼ିଶା",
    "Taml": "தமிழ்நாடு", "Telu": "విద్యార్థులు", "Knda": "ಕರ್ನಾಟಕ", "Mlym": "വിദ്യാഭ്യാസം",
    "Arab": "ٹھیکیدار", "Olck": "ᱥᱟᱱᱛᱟᱲᱤ", "Mtei": "ꯃꯤꯇꯩ", "Latn": "Grand Hotel",
}  # fmt: skip


def main() -> None:
    """Render and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=300, help="lines a script")
    lines = parser.parse_args().lines
    cv2.setNumThreads(1)
    started = time.perf_counter()
    library = FontLibrary.load()
    print(f"library opened in {time.perf_counter() - started:.2f} s")
    total = 0.0
    for script, word in WORDS.items():
        rng = np.random.default_rng(0)
        for _ in range(lines // 3):
            render_line(word, script, rng, library)
        started = time.process_time()
        for _ in range(lines):
            render_line(word, script, rng, library)
        seconds = time.process_time() - started
        total += seconds
        families = len(library.families(script)), len(library.families(script, "held_out"))
        print(f"{script} {lines / seconds:6.0f} lines/s  families {families[0]} + {families[1]}")
    print(f"all  {lines * len(WORDS) / total:6.0f} lines/s")


if __name__ == "__main__":
    main()
