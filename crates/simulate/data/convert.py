"""Writes digits_mlp_curves.bin from digits_mlp_curves.npz: python convert.py IN.npz OUT.bin (needs numpy).

What is in them stands in README.md beside this file.
"""

import sys

import numpy as np

VALIDATION_ROWS = 800
TICK = 2e-6  # seconds

with np.load(sys.argv[1]) as table:
    values = table["values"].astype("<f4")
    hits = np.round(table["accuracy"].astype(float) * VALIDATION_ROWS).astype("<u2")
    ticks = np.round(table["seconds"].astype(float) / TICK).astype("<u2")

assert values.shape == (600, 6) and hits.shape == ticks.shape == (600, 81)
with open(sys.argv[2], "wb") as out:
    for row in zip(values, hits, ticks):
        for part in row:
            out.write(part.tobytes())
