"""Names that ``kedro run`` is given to choose nodes by, and which of them there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline

from fivestar.errors import did_you_mean

SHOWN = 12
"""Known names that a message has where none is like the wrong one."""


def wrong_name(options: Mapping[str, Any]) -> str | None:
    """The first name that no node of the chosen pipelines has, with known ones; None if all have.

    Parameters
    ----------
    options
        Of ``kedro run``, by the names of its arguments.
    """
    names = options.get("pipelines") or [options.get("pipeline") or "__default__"]
    chosen = sum((pipelines[name] for name in names if name in pipelines), Pipeline([]))
    for option, known in _known(chosen).items():
        for given in options.get(option) or ():
            if given not in known:
                flag = "nodes" if option == "node_names" else option.replace("_", "-")
                some = ", ".join(sorted(known)[:SHOWN])
                return (
                    f"--{flag}: {given!r} is nowhere in the pipelines {', '.join(names)}. "
                    f"{did_you_mean(given, known) or f'There are {some} and others.'}"
                )
    return None


def _known(pipeline: Pipeline) -> dict[str, set[str]]:
    """Names by the argument that chooses by them."""
    nodes = {node.name for node in pipeline.nodes}
    namespaces = {node.namespace for node in pipeline.nodes if node.namespace}
    return {
        "tags": {tag for node in pipeline.nodes for tag in node.tags},
        "namespaces": {part for name in namespaces for part in _parents(name)},
        "node_names": nodes,
        "from_nodes": nodes,
        "to_nodes": nodes,
        "from_inputs": pipeline.datasets(),
        "to_outputs": pipeline.datasets(),
    }


def _parents(namespace: str) -> Iterable[str]:
    """``a``, ``a.b`` and ``a.b.c`` of ``a.b.c``."""
    parts = namespace.split(".")
    return (".".join(parts[: n + 1]) for n in range(len(parts)))
