"""Measurements, each `python -m benchmarks.NAME`: the last line of its output is one JSON
object.
"""
