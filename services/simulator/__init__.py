"""Stands in for the external providers over real HTTP: demo, tests and benchmarks, never production."""
