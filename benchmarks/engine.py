"""How long one slice takes, step by step: `python -m benchmarks.engine`.

Reads every slice of `samples/` a number of times with the default release and prints the median
and the 95th percentile per step in milliseconds. Reading files and writing pictures are left out.
The last lines are of a volume of 24 slices (the same again), on the wall and of the processor.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from inference.engine.engine import Engine
from scans.decoding import DecodedSlice, decode

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
    volume(engine, (slices * 24)[:24], options.rounds)


def volume(engine: Engine, slices: list[DecodedSlice], rounds: int) -> None:
    """Measure a whole volume: the first time is slower, as the graphs for many are compiled."""
    engine.read_series(slices)
    wall, cpu = [], []
    for _ in range(rounds):
        began, used = time.perf_counter(), time.process_time()
        engine.read_series(slices)
        wall.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - used) * 1000)
    for name, found in (("volume", wall), ("volume CPU", cpu)):
        print(f"{name:10} {np.median(found):8.2f} {np.percentile(found, 95):8.2f}")


if __name__ == "__main__":
    main()
