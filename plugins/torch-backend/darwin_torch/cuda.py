"""Run a network on a GPU as CUDA graphs: one launch a batch instead of one an op.

A CUDA graph is recorded for fixed shapes. There is one for each size in `SIZES`; a batch is put into the smallest
that holds it, and what stands in the rows behind it does not matter, since no row sees another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from attrs import frozen

if TYPE_CHECKING:
    from torch import Tensor

    from darwin_torch.backend import Floats32
    from darwin_torch.network import Network

SIZES = (8, 64, 512, 4096)
_WARM = 3


@frozen(eq=False)
class Recorded:
    """A graph for batches of up to one size, and the memory that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    staging: Tensor
    rows: Tensor
    out: Tensor

    def replay(self, rows: Floats32) -> Floats32:
        """Return the outputs of at most as many rows as the graph is for."""
        count = len(rows)
        self.staging[:count].numpy()[:] = rows
        self.rows[:count].copy_(self.staging[:count], non_blocking=True)
        self.graph.replay()
        out: Floats32 = self.out[:count].cpu().numpy()  # waits for the device
        return out


@frozen(eq=False)
class Graphs:
    """All graphs of a network, recorded when it is loaded, so that the first decision waits for none of them."""

    recorded: tuple[Recorded, ...]

    def __call__(self, rows: Floats32) -> Floats32:
        """Return the outputs, (N, A), of float32 rows (N, F); the largest graph takes what is larger in pieces."""
        return np.concatenate([self._piece(rows[at : at + SIZES[-1]]) for at in range(0, len(rows), SIZES[-1])])

    def _piece(self, rows: Floats32) -> Floats32:
        return next(each for size, each in zip(SIZES, self.recorded, strict=True) if len(rows) <= size).replay(rows)


def record(network: Network, device: torch.device) -> Graphs:
    """Record the network for every size."""
    there = network.to(device)
    with torch.no_grad():
        return Graphs(tuple(_record(there, size, device) for size in SIZES))


def _record(network: Network, size: int, device: torch.device) -> Recorded:
    rows = torch.zeros(size, network.inputs, device=device)
    aside = torch.cuda.Stream(device)  # type: ignore[no-untyped-call,unused-ignore]
    aside.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(aside):  # cuBLAS sets itself up in the first calls, which must not be recorded
        for _ in range(_WARM):
            network(rows)
    torch.cuda.current_stream(device).wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = network(rows)
    return Recorded(graph, torch.zeros(size, network.inputs, pin_memory=True), rows, out)
