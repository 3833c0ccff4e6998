"""Rakes a folder's sample with balance; prints the seconds of each round. Runs in an environment with it."""
# pyright: basic, reportMissingImports=false

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from balance.weighting_methods.rake import rake

folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
codes, base = np.load(folder / "codes.npy"), pd.Series(np.load(folder / "base.npy"))
columns = [f"x{i}" for i in range(codes.shape[1])]
frame = pd.DataFrame({c: codes[:, i].astype(str) for i, c in enumerate(columns)})
margins = {}
for column in columns:
    counts = np.floor(np.load(folder / f"{column}.npy") * 10_000).astype(int)
    counts[0] += 10_000 - counts.sum()
    margins[column] = {str(i): int(count) for i, count in enumerate(counts)}
seconds = []
for _ in range(rounds):
    started = time.perf_counter()
    rake(frame, base, None, None, transformations=None, target_margins=margins)
    seconds.append(time.perf_counter() - started)
print(*seconds)
