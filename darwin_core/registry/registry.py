"""The registry: publish, list, verify, promote, roll back."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from darwin_core.errors import did_you_mean
from darwin_core.registry import disk, pointer, statements, verifying
from darwin_core.registry.bundle import (
    MANIFEST,
    SIGNATURE,
    Bundle,
    Manifest,
    Verified,
    agent_name,
    is_agent,
    is_version,
    sequence_of,
    version_of,
)
from darwin_core.registry.canonical import encode
from darwin_core.registry.errors import RegistryError
from darwin_core.registry.pointer import By, Named, Pointer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from darwin_core.registry.keys import Signer, Trusted
    from darwin_core.registry.pointer import Sealed


@frozen(eq=False)
class Listed:
    """A version in a list: verified, or refused and why."""

    version: str
    found: Verified | None
    refused: str = ""


@frozen
class Registry:
    """The folder that holds all agents' versions, and the keys whose signatures count.

    Parameters
    ----------
    folder
        ``artifacts/models``.
    trusted
        Public keys; see `Trusted.of`.

    Notes
    -----
    `seen`, wherever it can be given, is the highest counter of the agent's pointer that the caller has ever seen: a
    lower one is refused. Every method raises RegistryError, and names the file, when something is not as it was signed.
    """

    folder: Path = field(converter=Path)
    trusted: Trusted

    def agents(self) -> tuple[str, ...]:
        """Return the names of the agents that have a folder."""
        if not self.folder.is_dir():
            return ()
        return tuple(name for name in disk.names(self.folder) if is_agent(name) and (self.folder / name).is_dir())

    def versions(self, agent: str) -> tuple[str, ...]:
        """Return the names of an agent's versions, oldest first, as they lie there."""
        home = self.home(agent)
        if not home.exists():
            hint = did_you_mean(agent, self.agents())
            raise RegistryError(f"there is no policy of {agent!r} in {self.folder}: {hint}")
        return tuple(sorted(filter(is_version, disk.names(home)), key=sequence_of))

    def list(self, agent: str) -> tuple[Listed, ...]:
        """Return all versions of an agent, oldest first, each verified or refused."""
        return tuple(self._listed(agent, version) for version in self.versions(agent))

    def verify(self, agent: str, version: str) -> Verified:
        """Return a version, its bytes in memory, every one of them as it was signed."""
        return self.whole(agent, version)[0]

    def whole(self, agent: str, version: str) -> tuple[Verified, Mapping[str, bytes]]:
        """Return what `verify` does, with all its files' bytes: the manifest and the signature too."""
        sequence_of(version)
        known = self.versions(agent)
        if version not in known:
            raise RegistryError(f"there is no version {version} of {agent}: {did_you_mean(version, known)}")
        place = verifying.Keeping(disk.Folder(self.home(agent) / version))
        return verifying.verify(place, agent, version, self.trusted), place.contents

    def has_pointer(self, agent: str) -> bool:
        """Whether there is any statement of what is in service, sound or not."""
        return statements.begun(self.home(agent))

    def pointer(self, agent: str, seen: int = 0) -> Pointer:
        """Return the statement that is in force."""
        return self._in_force(agent, seen).pointer

    def current(self, agent: str, seen: int = 0) -> Verified:
        """Return the version in service; remember its `counter` and give it as `seen` the next time."""
        now = self.pointer(agent, seen)
        return evolve(self._named(agent, now.named), counter=now.counter)

    def last_known_good(self, agent: str, seen: int = 0) -> Verified:
        """Return the version that `rollback` would put into service; nothing is switched."""
        now = self.pointer(agent, seen)
        if not now.good:
            raise RegistryError(f"{agent} has no version that was in service before {now.version}")
        return evolve(self._named(agent, now.good[-1]), counter=now.counter)

    def history(self, agent: str, seen: int = 0) -> tuple[Pointer, ...]:
        """Return all statements, oldest first, each checked against the one before it."""
        return tuple(each.pointer for each in self.sealed(agent, seen))

    def sealed(self, agent: str, seen: int = 0) -> tuple[Sealed, ...]:
        """Return what `history` does, with the bytes that say it."""
        return statements.chain(self.home(agent), self._in_force(agent, seen))

    def publish(self, bundle: Bundle, signer: Signer) -> str:
        """Write and sign a new version; return its name. It is there whole or not at all."""
        self.trusted.expect(signer)
        contents = bundle.contents()
        with self.writing(bundle.agent) as home:
            version = version_of(self._next_number(bundle.agent))
            manifest = encode(Manifest.of(bundle.agent, sequence_of(version), contents))
            contents |= {MANIFEST: manifest, SIGNATURE: signer.sign("manifest", manifest)}
            disk.install(home, version, contents)
        return version

    def promote(
        self, agent: str, version: str, who: str, why: str, signer: Signer, *, at: int, seen: int = 0
    ) -> Pointer:
        """Put a newer version into service.

        Parameters
        ----------
        who, why
            The person and the reason; they stay on record.
        at
            When, ns UTC.
        seen
            For an agent's first version in a registry begun anew: its counter goes on above this.
        """
        by = By(who, why, at)
        self.trusted.expect(signer)
        found = self.verify(agent, version)
        with self.writing(agent) as home:
            now = statements.newest(home, agent, self.trusted, seen) if statements.begun(home) else None
            new = pointer.promote(now, agent, Named(version, found.digest), by, seen)
            statements.write(home, now, new, signer)
        return new

    def rollback(
        self, agent: str, who: str, why: str, signer: Signer, *, at: int, to: str | None = None, seen: int = 0
    ) -> Pointer:
        """Put a version that was in service before into service again, by default the last known good."""
        by = By(who, why, at)
        self.trusted.expect(signer)
        self.versions(agent)
        with self.writing(agent) as home:
            now = self._in_force(agent, seen)
            target = self._target(agent, now, to)
            self._named(agent, target)
            new = pointer.rollback(now, target, by)
            statements.write(home, now, new, signer)
        return new

    def _target(self, agent: str, now: Sealed, to: str | None) -> Named:
        good = now.pointer.good
        if to is None:
            if not good:
                raise RegistryError(f"{agent} has no version that was in service before {now.pointer.version}")
            return good[-1]
        if to == now.pointer.version:
            raise RegistryError(f"{agent} {to} is in service already")
        past = statements.chain(self.home(agent), now)
        served = {each.pointer.version: each.pointer.named for each in past}
        if to not in served:
            hint = did_you_mean(to, set(served) - {now.pointer.version})
            raise RegistryError(f"{agent} {to} was never in service ({hint}); a new version is promoted")
        return served[to]

    def _in_force(self, agent: str, seen: int) -> Sealed:
        self.versions(agent)
        home = self.home(agent)
        if not seen and not statements.begun(home):
            raise RegistryError(f"{agent} has no version in service: darwin models promote {agent} --version V")
        return statements.newest(home, agent, self.trusted, seen)

    def _named(self, agent: str, named: Named) -> Verified:
        found = self.verify(agent, named.version)
        if found.digest != named.manifest:
            where = self.home(agent) / named.version
            raise RegistryError(f"{where} is not the {named.version} that was put into service: other files, same name")
        return found

    def _listed(self, agent: str, version: str) -> Listed:
        try:
            return Listed(version, self.verify(agent, version))
        except RegistryError as error:
            return Listed(version, None, str(error))

    def _next_number(self, agent: str) -> int:
        """Return a number above those of all versions that are there or were in service."""
        known = [*self.versions(agent)]
        home = self.home(agent)
        if statements.begun(home):
            now = statements.newest(home, agent, self.trusted).pointer
            known += [each.version for each in (now.named, *now.good)]
        return 1 + max(map(sequence_of, known), default=0)

    def home(self, agent: str) -> Path:
        """Return an agent's folder; refuse a name that leads elsewhere, and a link."""
        home = self.folder / agent_name(agent)
        disk.refuse_link(home)
        return home

    @contextmanager
    def writing(self, agent: str) -> Iterator[Path]:
        """Hold the lock of an agent's folder; make the folder when there is none."""
        home = self.home(agent)
        with disk.telling(home, "written"):
            if not home.exists():
                home.mkdir(parents=True, exist_ok=True)
                disk.sync(home.parent)
            with disk.alone(home):
                yield home
