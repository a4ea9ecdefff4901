"""The mirror: a registered model for each agent, a run with the files for each version, a run for the statements.

A version counts from the moment that its model version is made, which is after all its files are there. MLflow's own
numbers of versions (1, 2, ... as they come) mean nothing here; ours stands in a tag.
"""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from attrs import Factory, field, frozen

from darwin_core import PluginError
from darwin_mlflow import page
from darwin_mlflow.talking import asking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from darwin_core import Verified
    from darwin_mlflow.settings import MlflowOptions

POLICY, STATEMENTS, CURRENT = "policy", "statements", "current"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"[0-9]{8}")
_PAGE = 1000


@frozen(eq=False)
class MlflowMirror:
    """Policies on an MLflow server.

    Parameters
    ----------
    settings
        Where it is.
    """

    settings: MlflowOptions
    _made: list[MlflowClient] = field(default=Factory(list), init=False, repr=False)
    _runs: dict[tuple[str, str], str] = field(default=Factory(dict), init=False, repr=False)

    @property
    def place(self) -> str:
        """The server's address."""
        return self.settings.uri

    def versions(self, agent: str) -> Mapping[str, str]:
        """Return the agent's versions, name to the SHA-256 of the manifest as the tags say it."""
        with asking(self.settings, f"looking for {agent}"):
            found = self._found(agent)
        self._runs.update({(agent, version): str(each.run_id) for version, each in found.items()})
        return {version: each.tags["darwin.manifest"] for version, each in found.items()}

    def files(self, agent: str, version: str) -> Mapping[str, int]:
        """Return the files of a version, name to size."""
        with asking(self.settings, f"listing {agent} {version}"):
            return self._listed(self._run_of(agent, version), POLICY)

    def read(self, agent: str, version: str, name: str, limit: int) -> bytes:
        """Return a file's content, or its first `limit` + 1 bytes."""
        with asking(self.settings, f"reading {name} of {agent} {version}"):
            return self._content(self._run_of(agent, version), f"{POLICY}/{name}", limit)

    def put(self, found: Verified, files: Mapping[str, bytes]) -> None:
        """Make a run with the files and what is to be seen of them, then the model version that points to it."""
        with asking(self.settings, f"pushing {found.agent} {found.version}"):
            client, tags = self._client(), page.tags(found)
            run = self._begin(f"{found.agent} {found.version}", tags)
            try:
                self._upload(run, POLICY, files)
                self._log(run, found)
                client.set_terminated(run)
                self._model(found.agent)
                source = f"{client.get_run(run).info.artifact_uri}/{POLICY}"
                client.create_model_version(
                    self._name(found.agent), source, run, tags=tags, description=page.description(found),
                    await_creation_for=0,
                )  # fmt: skip
            except Exception:
                with suppress(Exception):  # a run that is left behind unfinished is no version
                    client.set_terminated(run, "FAILED")
                raise

    def statements(self, agent: str) -> Sequence[int]:
        """Return the numbers of the signed statements."""
        with asking(self.settings, f"looking for the statements of {agent}"):
            return sorted(self._stated(agent))

    def statement(self, agent: str, number: int, limit: int) -> bytes:
        """Return a statement's content, or its first `limit` + 1 bytes."""
        with asking(self.settings, f"reading statement {number} of {agent}"):
            return self._content(self._stated(agent)[number], f"{STATEMENTS}/{number:08d}", limit)

    def state(self, agent: str, current: str, new: Mapping[int, bytes]) -> None:
        """Keep statements, and set the model's alias ``current``."""
        with asking(self.settings, f"stating that {agent} {current} is in service"):
            if new:
                runs = self._statement_runs(agent)
                name = self._name(agent)
                run = runs[0] if runs else self._begin(f"{agent}: what is in service", {"darwin.statements": name})
                for number, content in new.items():
                    self._upload(run, STATEMENTS, {f"{number:08d}": content})
                self._client().set_terminated(run)
            self._client().set_registered_model_alias(self._name(agent), CURRENT, self._found(agent)[current].version)

    def _client(self) -> MlflowClient:
        if not self._made:
            from mlflow import MlflowClient

            self._made.append(MlflowClient(self.settings.uri, self.settings.uri))
        return self._made[0]

    def _name(self, agent: str) -> str:
        return self.settings.prefix + agent

    def _found(self, agent: str) -> dict[str, ModelVersion]:
        """Return our versions among a registered model's; refuse two of one name that differ."""
        found: dict[str, ModelVersion] = {}
        for each in self._model_versions(agent):
            version, digest = each.tags.get("darwin.version"), each.tags.get("darwin.manifest", "")
            if version is None or not each.run_id or not _DIGEST.fullmatch(digest):
                continue
            if found.setdefault(version, each).tags["darwin.manifest"] != digest:
                name, one, two = self._name(agent), found[version].version, each.version
                raise PluginError(
                    f"{self.place}: versions {one} and {two} of the registered model {name} both call themselves "
                    f"{version} and differ: delete the wrong one there"
                )
        return found

    def _model_versions(self, agent: str) -> Iterator[ModelVersion]:
        token: str | None = None
        while True:
            some = self._client().search_model_versions(f"name='{self._name(agent)}'", _PAGE, page_token=token)
            yield from some
            token = some.token
            if not token:
                return

    def _run_of(self, agent: str, version: str) -> str:
        if (agent, version) not in self._runs:
            self._runs[agent, version] = str(self._found(agent)[version].run_id)
        return self._runs[agent, version]

    def _model(self, agent: str) -> None:
        """Make the registered model when there is none."""
        from mlflow.exceptions import MlflowException

        try:
            self._client().create_registered_model(self._name(agent), {"darwin.agent": agent})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        client, name = self._client(), self.settings.experiment
        found = client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        try:
            return str(client.create_experiment(name))
        except MlflowException as error:
            quicker = client.get_experiment_by_name(name)
            if error.error_code != "RESOURCE_ALREADY_EXISTS" or quicker is None:
                raise
            return str(quicker.experiment_id)

    def _begin(self, name: str, tags: Mapping[str, str]) -> str:
        return str(self._client().create_run(self._experiment(), tags=dict(tags), run_name=name).info.run_id)

    def _statement_runs(self, agent: str) -> list[str]:
        """Return the runs that hold statements, the oldest first; two are two first pushes at one time."""
        experiment = self._client().get_experiment_by_name(self.settings.experiment)
        if experiment is None:
            return []
        wanted = f"tags.`darwin.statements` = '{self._name(agent)}'"
        found = self._client().search_runs([experiment.experiment_id], wanted, order_by=["attributes.start_time ASC"])
        return [each.info.run_id for each in found]

    def _stated(self, agent: str) -> dict[int, str]:
        """Return the run that holds each statement."""
        found: dict[int, str] = {}
        for run in self._statement_runs(agent):
            for name in filter(_NUMBER.fullmatch, self._listed(run, STATEMENTS)):
                found.setdefault(int(name), run)
        return found

    def _checked(self, run: str) -> str:
        """Return a run of which the server keeps the files; refuse one that points into this machine's folders."""
        kept = self._client().get_run(run).info.artifact_uri
        if urlsplit(self.settings.uri).scheme != "file" and urlsplit(kept).scheme in ("", "file"):
            raise PluginError(
                f"{self.place}: it would have files read and written in a folder of this machine, {kept}: start it "
                f"with --serve-artifacts, so that they go through the server"
            )
        return run

    def _listed(self, run: str, folder: str) -> dict[str, int]:
        found = self._client().list_artifacts(self._checked(run), folder)
        return {each.path.rsplit("/", 1)[-1]: each.file_size or 0 for each in found}

    def _content(self, run: str, path: str, limit: int) -> bytes:
        with TemporaryDirectory(prefix="darwin-mlflow-") as folder:
            fetched = Path(self._client().download_artifacts(self._checked(run), path, folder))
            with fetched.open("rb") as file:
                return file.read(limit + 1)

    def _upload(self, run: str, folder: str, files: Mapping[str, bytes]) -> None:
        with TemporaryDirectory(prefix="darwin-mlflow-") as place:
            for name, content in files.items():
                (Path(place) / name).write_bytes(content)
            self._client().log_artifacts(self._checked(run), place, folder)

    def _log(self, run: str, found: Verified) -> None:
        from mlflow.entities import Metric, Param

        client, time = self._client(), found.metadata.created // 10**6
        numbers = [Metric(name, value, time, 0) for name, value in page.metrics(found).items()]
        words = [Param(name, value) for name, value in page.parameters(found).items()]
        for some in _batches(numbers, page.MOST_METRICS):
            client.log_batch(run, metrics=some)
        for some in _batches(words, page.MOST_PARAMETERS):
            client.log_batch(run, params=some)


def _batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
