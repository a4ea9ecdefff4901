"""A checksum for each row that a policy is given, so that training and serving can be compared row for row."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from darwin_core.registry.errors import RegistryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darwin_core.registry.schema import ObservationSchema


def row_digests(schema: ObservationSchema, rows: NDArray[np.float32]) -> list[str]:
    """Return a digest of each normalised row: 32 hex digits, of the schema's hash and the row's bits.

    The same bits under another schema have another digest, and so have 0.0 and -0.0: it compares what the policy
    was given, not what it means.

    Parameters
    ----------
    schema
        What the rows were normalised with.
    rows
        (N, F) float32, as `ObservationSchema.apply` returns them.

    Raises
    ------
    RegistryError
        Another dtype or number of columns.
    """
    if rows.dtype != np.float32 or rows.ndim != 2 or rows.shape[1] != len(schema.columns):
        wanted = f"(N, {len(schema.columns)}) float32"
        raise RegistryError(f"normalised rows are {wanted}; these are {rows.shape} {rows.dtype}")
    start = hashlib.blake2b(bytes.fromhex(schema.digest), digest_size=16)
    digests = []
    for row in np.ascontiguousarray(rows, "<f4"):
        each = start.copy()
        each.update(row.data)
        digests.append(each.hexdigest())
    return digests
