"""The registry of policies: signed, versioned, immutable; verified in memory before anything is loaded.

    artifacts/models/gate/v1/         policy.onnx, schema.json, metadata.json, arrays, manifest.json, manifest.sig
    artifacts/models/gate/current     which version is in service: a signed statement, switched in one step
    artifacts/models/gate/history/    every such statement, each naming the one before it

What somebody can do who can write to the folder and has no key: delete, which is noticed and refused, and put back an
older state of the whole folder. That is a whole and true registry, only not the newest; who remembers the highest
counter that was ever seen (the live journal does) passes it as `seen`, and it is refused too.

Starting anew (the folder was lost, or a key): move the agent's folder aside, publish, and promote with ``seen``, so
that the counter goes on above what has been seen.

Nothing here is unpickled, and no file is parsed before its signature or its signed SHA-256 was found right.
"""

from __future__ import annotations

from darwin_core.registry.bundle import Bundle, Manifest, Metadata, Verified
from darwin_core.registry.errors import RegistryError
from darwin_core.registry.keys import Signer, Trusted
from darwin_core.registry.pointer import Pointer
from darwin_core.registry.registry import Listed, Registry
from darwin_core.registry.rows import row_digests
from darwin_core.registry.schema import Column, ObservationSchema
from darwin_core.registry.table import RegistryTable

__all__ = [
    "Bundle",
    "Column",
    "Listed",
    "Manifest",
    "Metadata",
    "ObservationSchema",
    "Pointer",
    "Registry",
    "RegistryError",
    "RegistryTable",
    "Signer",
    "Trusted",
    "Verified",
    "row_digests",
]
