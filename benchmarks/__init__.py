"""Benchmarks: how fast maintenance and a single step are, and how much memory they take, beside a bare script that checks nothing.

``python -m benchmarks`` (or ``make bench``) prints tables and writes build/benchmarks.json. What is measured runs in a process of
its own, on a copy of the repository of its own, and the things compared take turns, because machines are noisy: compare the ratios
of one run, not the seconds of two.
"""
