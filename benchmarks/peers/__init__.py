"""The contenders, one small module each; `run.py` imports them by name and skips what is missing.

A module has `DISTRIBUTIONS`, the distributions whose versions are reported; a function for each
workload it can do, named as in `workloads.py`, from data to final equity; and `CONVENTIONS`, the
workloads where its fills differ from `Convention.NEXT_OPEN`. `SLOW` names the workloads that are
run once and not warmed up, `TOLERANCE` how far from the limit's final equity it may be.
"""
