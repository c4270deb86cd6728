"""What every dataset would be made of now, and whether what lies there is made of that."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from fivestar.lineage.files import RawFiles, local_files
from fivestar.lineage.records import Origin, Record, differences, digest, place_of
from fivestar.pipelines.wiring import EXPECTED_MINUTES, Bound, version_of

PARAMETERS = ("params:", "parameters")
ALLOWED_TIME = ("max_minutes",)
"""Parameters that decide whether a model is trained, and are no part of what it is made of."""
OF_TIME = (*(f"params:{name}" for name in ALLOWED_TIME), f".{EXPECTED_MINUTES}")
"""How names of inputs end that say how long a model may or will take."""
OF_FILES = ("filepath", "metadata")
"""Entries of a raw dataset's configuration that say where it lies, not how it is read."""


@dataclass(frozen=True)
class Status:
    """What is wrong with a persisted dataset; nothing, if ``problem`` is empty.

    Attributes
    ----------
    failed : whether it tells of a model that would be trained now if it were tried again
    """

    dataset: str
    problem: str = ""
    failed: bool = False


class Graph:
    """Every dataset with the nodes that make it, from the raw files on.

    Parameters
    ----------
    pipelines
        All registered ones, or none where the running one makes all that it does not read from
        raw files. A dataset that nodes of several of them make (the leaderboard of the zoo, and
        that of a default run) is fresh if any of them would make it so.
    running
        The pipeline that is about to run: its nodes come first.
    catalog, configuration
        The datasets, and their entries in the catalog's configuration.
    parameters
        All of them, as they were read.
    raw_files
        Fingerprints of files that no node makes.
    """

    def __init__(
        self,
        pipelines: Iterable[Pipeline],
        running: Pipeline,
        catalog: CatalogProtocol,
        configuration: Mapping[str, Any],
        parameters: Mapping[str, Any],
        raw_files: RawFiles,
    ) -> None:
        self.catalog, self.configuration = catalog, configuration
        self.parameters, self.raw_files = parameters, raw_files
        self.remade = running.all_outputs()
        self.makers: dict[str, list[Node]] = {}
        for pipeline in (running, *pipelines):
            for node in pipeline.nodes:
                for name in node.outputs:
                    makers = self.makers.setdefault(name, [])
                    if node not in makers:
                        makers.append(node)
        self.fingerprint = cache(self._fingerprint)
        self.origins = cache(self._origins)
        self.is_persisted = cache(self._is_persisted)

    def _is_persisted(self, name: str) -> bool:
        """Whether the dataset outlives a run as local files."""
        return name in self.catalog and bool(local_files(self.catalog.get(name)))

    def record(self, name: str) -> Record | None:
        """What was recorded when the dataset was saved."""
        return Record.load(place_of(name, local_files(self.catalog.get(name))))

    def status(self, name: str) -> Status:
        """Whether a persisted dataset that nodes make can be used as it lies there."""
        files = local_files(self.catalog.get(name))
        if not self.catalog.exists(name):
            return Status(name, "is not there")
        record = self.record(name)
        if record is None:
            return Status(name, "nothing is recorded of what it was made of")
        if changed := record.changed_files(files):
            names = ", ".join(path.name for path in changed)
            return Status(name, f"{names} changed since it was made", record.failed)
        origins = self.origins(name)
        allowed = origins[:1] if name in self.remade else origins
        if record.origin.fingerprint in {origin.fingerprint for origin in allowed}:
            if record.left_out not in (None, self.allowed_time):
                changes = "; ".join(differences(record.left_out, self.allowed_time))
                return Status(name, f"the model was left out ({changes})", failed=True)
            return Status(name, failed=record.failed)
        told = list(dict.fromkeys(self._reasons(name, record)))
        return Status(name, f"made of other inputs ({'; '.join(told)})", record.failed)

    @property
    def allowed_time(self) -> dict[str, Any]:
        """What a model may take now."""
        return {name: self.parameters.get(name) for name in ALLOWED_TIME}

    def _reasons(self, name: str, record: Record) -> Iterable[str]:
        """Why the record differs: the roots, as far back as there are records."""
        now = self.origins(name)[0]
        deeper: list[str] = []
        for each, was in record.origin.inputs.items():
            if now.inputs.get(each, was) == was or each not in self.makers:
                continue
            earlier = self.record(each) if self.is_persisted(each) else None
            if earlier is not None and earlier.origin.fingerprint == was:
                deeper += self._reasons(each, earlier)
        return deeper or record.origin.differences(now)

    def _fingerprint(self, name: str) -> str:
        if name not in self.makers:
            return self._fingerprint_of_raw(name)
        origins = self.origins(name)
        if name not in self.remade and (record := self.record(name)) is not None:
            for origin in origins:
                if record.origin.fingerprint == origin.fingerprint:
                    return origin.fingerprint
        return origins[0].fingerprint

    def _fingerprint_of_raw(self, name: str) -> str:
        entry = self.configuration.get(name, {})
        settings = {key: value for key, value in entry.items() if key not in OF_FILES}
        files = local_files(self.catalog.get(name)) if name in self.catalog else []
        contents = {"/".join(path.parts[-2:]): self.raw_files.digest(path) for path in files}
        return digest([settings, sorted(contents.items())])

    def _origins(self, name: str) -> list[Origin]:
        """What the dataset would be made of by each node that makes it."""
        origins = []
        for node in self.makers[name]:
            origin = Origin(name)
            self._collect(node, origin)
            origins.append(origin)
        return origins

    def _collect(self, node: Node, origin: Origin) -> None:
        """Add a node, what it reads, and what makes the values in memory among that."""
        function = node.func
        step = ".".join(filter(None, [node.namespace, function.__name__]))
        fixed = function.fixed if isinstance(function, Bound) else {}
        version = version_of(function)
        origin.steps[step] = _plain({"version": version, **fixed} if fixed else version)
        for name in node.inputs:
            if name.endswith(OF_TIME):
                continue
            if name.startswith(PARAMETERS):
                origin.parameters[name] = _plain(self._parameter(name))
            elif self.is_persisted(name) or name not in self.makers:
                origin.inputs[name] = self.fingerprint(name)
            else:
                self._collect(self.makers[name][0], origin)

    def _parameter(self, name: str) -> Any:
        value: Any = self.parameters
        for key in name.removeprefix("params:").split(".") if name != "parameters" else ():
            value = value.get(key) if isinstance(value, Mapping) else None
        return value


def shown(path: Path) -> str:
    """A path as people are told it: below the working directory where it lies there."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))
