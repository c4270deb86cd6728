"""A small graph for the tests of lineage: raw -> clean -> (in memory) -> model -> metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline, node

from fivestar.datasets import CsvTable
from fivestar.lineage.files import RawFiles, local_files, state
from fivestar.lineage.graph import Graph
from fivestar.lineage.records import Record, place_of
from fivestar.pipelines.wiring import Bound, version

FILES = ("raw", "clean", "als.model", "metrics", "als.expected_minutes")
PARAMETERS = {
    "seed": 1,
    "models": {"als": {"n_factors": 4}},
    "max_minutes": 10,
    "path": Path("x"),
}


def clean(raw: Any) -> Any:
    return raw


@version(2)
def split(clean: Any, seed: int) -> Any:
    return clean, seed


def fit(data: Any, settings: Any, minutes: Any, allowed: Any, *, label: str) -> Any:
    return data, settings, minutes, allowed, label


def measure(model: Any, parameters: Any) -> Any:
    return model, parameters


def expect(clean: Any) -> Any:
    return clean


def pipeline(**changes: Any) -> Pipeline:
    """The whole; another function or label where it is given."""
    label = changes.get("label", "als")
    return Pipeline(
        [
            node(changes.get("clean", clean), "raw", "clean", name="clean"),
            node(split, ["clean", "params:seed"], "data", name="split"),
            node(expect, "clean", "als.expected_minutes", name="expect", namespace="als"),
            node(
                Bound(fit, label=label),
                ["data", "params:models.als", "als.expected_minutes", "params:max_minutes"],
                "als.model",
                name=f"fit_{label}",
                namespace="als",
            ),
            node(measure, ["als.model", "parameters"], "metrics", name="measure"),
        ]
    )


def catalog(folder: Path) -> DataCatalog:
    return DataCatalog(
        {name: CsvTable(filepath=str(folder / "data" / f"{name}.csv")) for name in FILES}
    )


def graph(
    folder: Path,
    *,
    parts: tuple[str, ...] = (),
    also: tuple[Pipeline, ...] = (),
    configuration: dict[str, Any] | None = None,
    whole: Pipeline | None = None,
    **parameters: Any,
) -> Graph:
    """Of a run of the nodes ``parts``, or all, in a project that registers the whole pipeline."""
    whole = pipeline() if whole is None else whole
    return Graph(
        [whole, *also],
        whole.filter(node_names=list(parts)) if parts else whole,
        catalog(folder),
        configuration or {},
        {**PARAMETERS, **parameters},
        RawFiles(folder / "fingerprints.json"),
    )


def write(folder: Path, *names: str, of: Graph | None = None, **record: Any) -> None:
    """Files, and what they are recorded to have been made of."""
    of = graph(folder) if of is None else of
    for name in names:
        path = folder / "data" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}\n1\n")
        if name not in of.makers:
            continue
        files = local_files(of.catalog.get(name))
        now = {path.name: state(path) or [] for path in files}
        Record(of.origins(name)[0], now, **record).save(place_of(name, files))
