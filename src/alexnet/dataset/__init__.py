"""From pictures to a packed data set, its statistics, and what is wrong with it.

sources/ ──▶ decode ──▶ resize ──▶ prepare ──▶ packed, with its manifest and statistics
"""
