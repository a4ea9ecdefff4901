"""The deployment's ``[registry]``: where policies are, whose signatures count, what signs, where they are shared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from attrs.validators import min_len, optional

from darwin_core.options import Secret  # noqa: TC001 - `structure` reads the annotation
from darwin_core.registry.errors import RegistryError
from darwin_core.registry.keys import Signer, Trusted
from darwin_core.registry.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

_PASSWORD = re.compile(r"://[^/]*@")


def _is_a_mirror(_table: object, _key: object, value: dict[str, Any]) -> None:
    if not isinstance(value.get("use"), str) or not value["use"]:
        raise ValueError('the key \'use\' is missing: write use = "PLUGIN" or "./file.py"')
    if any(isinstance(each, str) and _PASSWORD.search(each) for each in value.values()):
        raise ValueError("an address has a name or a password in it: what is secret does not stand in this file")


@frozen
class RegistryTable:
    """Where policies come from.

    Parameters
    ----------
    path
        The registry's folder, relative to the deployment file.
    trusted
        Public keys whose signatures count: base64 text, or files relative to the deployment file. None: no policy is
        accepted.
    key
        The private key, for publishing and promoting: ``"${NAME}"`` of a variable that holds its PEM text, or
        ``{ file = "PATH" }`` (mode 0600). Serving needs none.
    mirror
        The shared place for ``darwin models push`` and ``pull``: a plugin, ``use = "mlflow"``, and its options. Nothing
        else asks it, and the policies on disk are what is loaded.
    """

    path: str = field(default="artifacts/models", validator=min_len(1))
    trusted: tuple[str, ...] = ()
    key: Secret | None = None
    mirror: dict[str, Any] | None = field(default=None, validator=optional(_is_a_mirror))

    def open(self, folder: Path, more: Sequence[str] = ()) -> Registry:
        """Return the registry of a deployment in `folder`; `more` are further keys, relative to where one stands."""
        keys = {**Trusted.of(self.trusted, folder).keys, **Trusted.of(more).keys}
        return Registry(folder / self.path, Trusted(keys))

    def signer(self) -> Signer:
        """Return the private key; raise RegistryError when none is named."""
        if self.key is None:
            raise RegistryError('there is no key to sign with: name one in [registry] key = { file = "PATH" } or --key')
        where = self.key.reference
        return Signer.parse(self.key.reveal(), where) if where.startswith("${") else Signer.load(Path(where))
