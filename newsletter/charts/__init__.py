"""Charts of attention over time: `points` makes the series of a paper's counters; `svg` draws them
for pages, `cells` for letters, `blocks` for a terminal.
"""
