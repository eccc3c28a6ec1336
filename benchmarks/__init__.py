"""Benchmarks: each compares with what one would write by hand, in the same run."""
