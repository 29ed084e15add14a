"""Attention over time, drawn the same way everywhere: `points` reads the series of a paper's
counters; `svg` draws them for pages, `cells` for letters and `blocks` for a terminal.
"""
