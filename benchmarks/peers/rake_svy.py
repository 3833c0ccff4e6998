"""Rakes a folder's sample with svy; prints the seconds of each round. Runs in an environment with it."""
# pyright: basic, reportMissingImports=false

import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import svy

folder, rounds, tolerance = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
codes, base = np.load(folder / "codes.npy"), np.load(folder / "base.npy")
columns = [f"x{i}" for i in range(codes.shape[1])]
frame = pl.DataFrame({c: codes[:, i].astype(np.int32) for i, c in enumerate(columns)}).with_columns(
    pl.Series("wgt", base)
)
shares = {c: dict(enumerate(np.load(folder / f"{c}.npy").tolist())) for c in columns}
seconds = []
for _ in range(rounds):
    sample = svy.Sample(frame, svy.Design(wgt="wgt"))
    started = time.perf_counter()
    raked = sample.weighting.rake(shares=shares, tol=tolerance, wgt_name="raked")
    seconds.append(time.perf_counter() - started)
np.save(folder / "svy.npy", raked.data["raked"].to_numpy())
print(*seconds)
