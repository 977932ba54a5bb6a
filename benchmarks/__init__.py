"""Ratios against named peers, measured in one interleaved run: `make bench` writes results/speed.csv."""
