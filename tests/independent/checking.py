"""Stated numbers against recomputed ones, for `recompute.py`; imports nothing of ours."""

from math import isclose

differences = []
covered = set()
count = [0]


def check(table, row, name, found):
    """One cell of the report, to nine places."""
    count[0] += 1
    covered.add((table, name))
    stated = row[name]
    same = (
        stated is None
        if found is None
        else stated is not None and isclose(stated, found, rel_tol=1e-9, abs_tol=1e-9)
    )
    if not same:
        told = {k: v for k, v in row.items() if isinstance(v, str) and len(v) < 80}
        differences.append([table, told, name, stated, found])


def check_all(table, row, expected):
    """Several cells of a row."""
    for name, found in expected.items():
        check(table, row, name, found)
