"""The statistics of trust: when an agent has earned the right to act, when it has lost it, and what stops it at once.

Everything here is a pure function or a frozen value with transitions: no file, no clock, no randomness that is not
seeded. `eprocess` and `sequence` weigh evidence, `detector` watches for decay, `rule` is the ladder, `facts`,
`criteria` and `standing` say where an agent stands, `breaker` and `overrides` act at once, and `simulate` measures
how often all this is wrong.
"""

from __future__ import annotations
