"""Versions and statements to a shared place and back: a `Mirror` holds bytes, the keys here say what they are worth.

Nothing that comes from a mirror is written before it was verified, and nothing there is written over.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from darwin_core.registry import disk, statements, verifying
from darwin_core.registry.bundle import is_version, sequence_of
from darwin_core.registry.errors import RegistryError
from darwin_core.registry.pointer import LIMIT, Named, Sealed, unseal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from darwin_core.protocols import Mirror
    from darwin_core.registry.bundle import Verified
    from darwin_core.registry.registry import Registry


@frozen
class Moved:
    """What a push or a pull has moved: versions, numbers of statements; and what is in service after it, if that."""

    versions: tuple[str, ...] = ()
    statements: tuple[int, ...] = ()
    current: str | None = None


@frozen(eq=False)
class _Shelf:
    """A version in a mirror, as a place to verify."""

    mirror: Mirror
    agent: str
    version: str
    _sizes: Mapping[str, int] = field(repr=False)

    @property
    def path(self) -> Path:
        return Path(self.agent) / self.version

    def names(self) -> Sequence[str]:
        return sorted(self._sizes)

    def read(self, name: str, limit: int) -> bytes:
        if name not in self._sizes:
            raise RegistryError(f"{self.path / name} is missing")
        if self._sizes[name] <= limit:
            content = self.mirror.read(self.agent, self.version, name, limit)
            if len(content) <= limit:
                return content
        raise RegistryError(f"{self.path / name} is larger than the {limit:,} bytes that it may have")


_DIGEST = re.compile(r"[0-9a-f]{64}")


def known(mirror: Mirror, agent: str) -> dict[str, str]:
    """Return the versions that a mirror says it has, oldest first, with what it says are their manifests' SHA-256."""
    said = mirror.versions(agent)
    versions = sorted(filter(is_version, said), key=sequence_of)
    return {version: said[version] if _DIGEST.fullmatch(said[version]) else "unknown" for version in versions}


def push(registry: Registry, mirror: Mirror, agent: str, version: str | None = None, seen: int = 0) -> Moved:
    """Give a mirror what it lacks: all versions and then the statements, or one version.

    Raises
    ------
    RegistryError
        Something here is not as it was signed, or the mirror has another version or statement of that name.
    DarwinError
        The mirror cannot be reached, or refuses.
    """
    there = known(mirror, agent)
    wanted = registry.versions(agent) if version is None else (version,)
    moved = tuple(each for each in wanted if _give(registry, mirror, agent, each, there))
    if version is not None or not (seen or registry.has_pointer(agent)):
        return Moved(moved)
    current = registry.current(agent, seen).version
    own = {each.pointer.counter: each.content for each in registry.sealed(agent, seen)}
    new = _unstated(mirror, agent, own)
    mirror.state(agent, current, new)
    return Moved(moved, tuple(new), current)


def _give(registry: Registry, mirror: Mirror, agent: str, version: str, there: Mapping[str, str]) -> bool:
    """Push a version; return False when it is there already."""
    found, contents = registry.whole(agent, version)
    if version not in there:
        mirror.put(found, contents)
    elif there[version] != found.digest:
        raise _twins(registry, mirror, agent, version)
    return version not in there


def _unstated(mirror: Mirror, agent: str, own: Mapping[int, bytes]) -> dict[int, bytes]:
    """Return the statements that a mirror lacks; refuse to add to others than our own."""
    newest = max(mirror.statements(agent), default=0)
    if newest > max(own):
        raise RegistryError(f"{mirror.place} has statement number {newest}, {max(own)} is in force here: pull first")
    if newest and mirror.statement(agent, newest, LIMIT) != own.get(newest):
        raise RegistryError(
            f"{mirror.place} has another statement number {newest} than the one that is here: two machines promoted, "
            f"or it was changed there; nothing was added to it"
        )
    return {number: content for number, content in own.items() if number > newest}


def pull(registry: Registry, mirror: Mirror, agent: str, version: str | None = None, seen: int = 0) -> Moved:
    """Bring what is in service there into service here, with the last known good version; or only bring one version.

    Everything is fetched and verified first; then it is written, the versions before the statement that names them.

    Parameters
    ----------
    seen
        Highest counter of the agent's pointer that was ever seen: an older statement is refused, as everywhere.

    Raises
    ------
    RegistryError
        Something is not as a trusted key has signed it, is older than what is here, or does not follow it.
    DarwinError
        The mirror cannot be reached, or refuses.
    """
    home, there = registry.home(agent), known(mirror, agent)
    if not there:
        raise RegistryError(f"there is no policy of {agent!r} at {mirror.place}")
    if version is not None:
        sequence_of(version)
        if version not in there:
            raise RegistryError(f"there is no version {version} of {agent} at {mirror.place}: {', '.join(there)}")
        brought = _take(registry, mirror, agent, version, there)
        _write(registry, agent, brought)
        return Moved(tuple(brought))
    now = statements.newest(home, agent, registry.trusted) if statements.begun(home) else None
    new = _newer(registry, mirror, agent, now, seen)
    named = new[-1].pointer
    brought = _take(registry, mirror, agent, named.named, there)
    if named.good and named.good[-1].version in there:
        brought |= _take(registry, mirror, agent, named.good[-1], there)
    _write(registry, agent, brought, now, new)
    before = now.pointer.counter if now is not None else 0
    numbers = tuple(each.pointer.counter for each in new if each.pointer.counter > before)
    return Moved(tuple(brought), numbers, named.version)


def _newer(registry: Registry, mirror: Mirror, agent: str, now: Sealed | None, seen: int) -> tuple[Sealed, ...]:
    """Return the statements that are not here, the one in force there last."""
    numbers = mirror.statements(agent)
    if not numbers:
        raise RegistryError(f"no version of {agent} is in service at {mirror.place}: name one to bring, --version V")

    def fetch(number: int) -> bytes:
        content = mirror.statement(agent, number, LIMIT) if number in numbers else b""
        if len(content) > LIMIT:
            raise RegistryError(f"statement number {number} is larger than the {LIMIT:,} bytes that it may have")
        return content

    number = max(numbers)
    with _at(mirror):
        newest = unseal(fetch(number), agent, registry.trusted, Path(agent) / f"statement {number}")
        _refuse_older(newest, number, now, seen)
        return statements.following(registry.home(agent), now, newest, fetch)


def _refuse_older(newest: Sealed, number: int, now: Sealed | None, seen: int) -> None:
    """Refuse what a mirror calls statement `number` when it is not, or is not at least what is in force here."""
    counter, here = newest.pointer.counter, now.pointer.counter if now is not None else 0
    if counter != number:
        raise RegistryError(f"what is there as statement {number} is number {counter}: files were swapped or copied")
    if counter < max(seen, here):
        what = f"number {here} is in force here: push it" if here > counter else f"number {seen} has been seen"
        raise RegistryError(f"the newest is statement number {counter}, but {what}, or an old one was put back")
    if now is not None and counter == here and newest.content != now.content:
        raise RegistryError(f"statement number {number} is not the one that is here: two machines promoted")


def _take(
    registry: Registry, mirror: Mirror, agent: str, wanted: Named | str, there: Mapping[str, str]
) -> dict[str, Mapping[str, bytes]]:
    """Return a version's files, verified; nothing when it is here and is the same."""
    version = wanted if isinstance(wanted, str) else wanted.version
    if (registry.home(agent) / version).exists() or (registry.home(agent) / version).is_symlink():
        found = registry.verify(agent, version)
        if found.digest != (there.get(version) if isinstance(wanted, str) else wanted.manifest):
            raise _twins(registry, mirror, agent, version)
        return {}
    if version not in there:
        raise RegistryError(f"{mirror.place}: {agent} {version}, which is in service, is missing")
    with _at(mirror):
        place = verifying.Keeping(_Shelf(mirror, agent, version, mirror.files(agent, version)))
        found = verifying.verify(place, agent, version, registry.trusted)
        _refuse_another(found, wanted)
    return {version: place.contents}


def _write(
    registry: Registry,
    agent: str,
    brought: Mapping[str, Mapping[str, bytes]],
    now: Sealed | None = None,
    new: tuple[Sealed, ...] = (),
) -> None:
    with registry.writing(agent) as home:
        for version, contents in brought.items():
            if (home / version).exists():
                raise RegistryError(f"another process has written {home / version} meanwhile; try again")
            disk.install(home, version, contents)
        if not new:
            return
        present = statements.newest(home, agent, registry.trusted) if statements.begun(home) else None
        if present != now:
            raise RegistryError(f"another process has written {home / statements.CURRENT} meanwhile; try again")
        statements.adopt(home, now, new)


def _refuse_another(found: Verified, wanted: Named | str) -> None:
    if isinstance(wanted, Named) and found.digest != wanted.manifest:
        what = f"{found.agent}/{found.version} is not the {found.version} that was put into service"
        raise RegistryError(f"{what}: other files, same name")


@contextmanager
def _at(mirror: Mirror) -> Iterator[None]:
    """Say of what is refused that it is in the mirror."""
    try:
        yield
    except RegistryError as error:
        raise RegistryError(f"{mirror.place}: {error}") from None


def _twins(registry: Registry, mirror: Mirror, agent: str, version: str) -> RegistryError:
    return RegistryError(
        f"{mirror.place} has another {version} of {agent} than the one that is here: two machines published under one "
        f"number; move {registry.home(agent)} aside, pull, and publish yours again: it gets a number of its own"
    )
