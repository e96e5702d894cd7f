"""How long one slice takes, step by step: `python -m benchmarks.engine`.

Reads every slice of `samples/` a number of times with the default release and prints the median
and the 95th percentile per step in milliseconds. Reading files and writing pictures are left out.
"""

import argparse
from pathlib import Path

import numpy as np

from inference.engine.engine import Engine
from scans.decoding import decode

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
KINDS = (".jpg", ".png", ".dcm")


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args()
    engine = Engine.load(device=options.device)
    slices = [decode(p.read_bytes()) for p in sorted(SAMPLES.iterdir()) if p.suffix in KINDS]
    for slice_ in slices:
        engine.read(slice_)  # the first pass over a graph is slower
    timings = [engine.read(slice_).elapsed_ms for _ in range(options.rounds) for slice_ in slices]
    print(f"release {engine.release}, {len(slices)} slices, {options.rounds} rounds, ms")
    print(f"{'step':10} {'median':>8} {'p95':>8}")
    for step in timings[0]:
        found = [timing[step] for timing in timings if step in timing]
        print(f"{step:10} {np.median(found):8.2f} {np.percentile(found, 95):8.2f}")


if __name__ == "__main__":
    main()
