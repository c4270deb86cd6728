"""A page for each model of ``conf/base/parameters_models.yml``, for the site of the documents.

Equation and sources are those of the class's docstring, settings those of the model's block, and
figures those that ``benchmarks/models.py`` measured.
"""

from __future__ import annotations

import html
import inspect
import json
import re
import statistics
import textwrap
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import altair as alt
import pandas as pd
import vl_convert
import yaml
from annotated_types import Ge, Gt, Le, Lt

from fivestar.config import name_members
from fivestar.models import Model, build
from fivestar.reporting.charts import COLORS, GREY, themed

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results/models.json"
SECTION = re.compile(r"^(\w+)\n-{3,}\n", re.MULTILINE)
KINDS = {
    type(None): "`null`",
    bool: "`true`, `false`",
    int: "whole number",
    float: "number",
    str: "text",
    dict: "blocks by name",
}
SIGNS = {Ge: "at least", Gt: "above", Le: "at most", Lt: "below"}


def write_pages(folder: Path) -> list[str]:
    """One page and picture a model; the models' names in the order of the configuration."""
    blocks = yaml.safe_load((ROOT / "conf/base/parameters_models.yml").read_text("utf-8"))["models"]
    name_members(blocks)
    results = pd.DataFrame(json.loads(RESULTS.read_text("utf-8")))
    folder.mkdir()
    for name, block in blocks.items():
        (folder / f"{name}.md").write_text(page(name, block, results), "utf-8")
        if name in set(results["model"]):
            (folder / f"{name}.svg").write_text(picture(name, results), "utf-8")
    return list(blocks)


def page(name: str, block: Mapping[str, Any], results: pd.DataFrame) -> str:
    """A model's page in Markdown."""
    model = build(block, name)
    kind = type(model)
    text, *_ = SECTION.split(inspect.cleandoc(kind.__doc__ or ""))
    source = Path(inspect.getfile(kind)).relative_to(ROOT).as_posix()
    measured = results[results["model"] == name]
    parts = [
        f"# {name}",
        prose(text),
        f"`kedro run --pipelines zoo --namespaces {name}` trains and measures it. Its class is "
        f"`{kind.__name__}` in `{source}`.",
        "## Settings",
        "Values are those of its block in `conf/base/parameters_models.yml`, or else the "
        "defaults of its family.",
        settings_table(model),
    ]
    if len(measured):
        parts += ["## Figures", figures(name, measured)]
    return "\n\n".join(parts) + "\n"


def prose(text: str) -> str:
    """A docstring's text as Markdown: what is indented stays as it is printed."""
    paragraphs = []
    for paragraph in re.split(r"\n{2,}", text.strip("\n")):
        if paragraph.startswith("    "):
            paragraphs.append(f"```text\n{textwrap.dedent(paragraph)}\n```")
        else:
            paragraphs.append(inline(paragraph))
    joined = "\n\n".join(paragraphs)
    return joined.replace("\n```\n\n```text\n", "\n\n")


def inline(text: str) -> str:
    """Plain words and ``names`` as Markdown, in which no letter of a formula has a meaning."""
    pieces = re.split(r"``(.+?)``", text, flags=re.DOTALL)
    pieces[::2] = [re.sub(r"([\\*_\[\]`])", r"\\\1", html.escape(p, False)) for p in pieces[::2]]
    pieces[1::2] = [f"`{piece}`" for piece in pieces[1::2]]
    return "".join(pieces).replace("|", "&#124;")


def settings_table(model: Model) -> str:
    """Each setting: its value, what it may be, and what it means."""
    kind = type(model)
    hints = get_type_hints(kind, include_extras=True)
    meanings = meanings_of(kind)
    rows = ["| setting | value | may be | meaning |", "|---|---|---|---|"]
    for field in settings_of(kind):
        value = getattr(model, field.name)
        shown = f"`{written(value)}`"
        if value != default_of(field) is not MISSING:
            shown += f" (family: `{written(default_of(field))}`)"
        told = inline(" ".join(meanings.get(field.name, "").split()))
        allowed = may_be(hints[field.name])
        rows.append(f"| `{field.name}` | {shown} | {allowed} | {told} |")
    return "\n".join(rows)


def settings_of(kind: type[Model]) -> list[Field[Any]]:
    """The fields that a block may set, those of the class before those that it inherits."""
    order = [name for each in kind.__mro__ for name in inspect.get_annotations(each)]
    return sorted((each for each in fields(kind) if each.init), key=lambda f: order.index(f.name))


def meanings_of(kind: type) -> dict[str, str]:
    """What the docstrings of a class and of those it inherits from say of each parameter."""
    meanings: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        sections = SECTION.split(inspect.cleandoc(each.__dict__.get("__doc__") or ""))
        described = dict(zip(sections[1::2], sections[2::2], strict=True)).get("Parameters", "")
        for names, meaning in re.findall(r"^(\w.*)\n((?:(?: .*)?\n?)*)", described, re.MULTILINE):
            meanings |= dict.fromkeys(names.split(", "), meaning)
    return meanings


def default_of(field: Field[Any]) -> Any:
    """What a setting is where a block says nothing; MISSING where it has to be said."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def written(value: Any) -> str:
    """A setting as a block has it."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping) and all(isinstance(each, Mapping) for each in value.values()):
        value = list(value)  # the members of a blend, by name
    if isinstance(value, tuple):
        value = list(value)
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000)
    return text.removesuffix("...\n").strip()


def may_be(hint: Any) -> str:
    """A type and its bounds in words."""
    if get_origin(hint) is Annotated:
        kind, *bounds = get_args(hint)
        limits = [
            f"{sign} {getattr(bound, sign_of.__name__.lower())}"
            for bound in bounds
            for sign_of, sign in SIGNS.items()
            if isinstance(bound, sign_of)
        ]
        return " ".join([may_be(kind), ", ".join(limits)]).strip()
    if get_origin(hint) is Literal:
        return ", ".join(f"`{written(value)}`" for value in get_args(hint))
    if get_origin(hint) in {list, tuple}:
        kinds = [may_be(each) for each in get_args(hint) if each is not Ellipsis]
        return f"list of: {', '.join(dict.fromkeys(kinds))}"
    if get_origin(hint) is Union or type(hint).__name__ == "UnionType":
        return " or ".join(may_be(each) for each in get_args(hint))
    return KINDS.get(get_origin(hint) or hint) or f"settings of `{hint.__name__}`"


def figures(name: str, measured: pd.DataFrame) -> str:
    """The table of a model's folds, and its picture."""
    rows = [
        f"| {row.fold} | {row.validation_rmse:.4f} | {row.test_rmse:.4f} |"
        for row in measured.sort_values("fold").itertuples()
    ]
    seconds = statistics.median(measured["fit_seconds"])
    first = measured.iloc[0]
    return "\n".join(
        [
            "On the published folds of MovieLens 100K; [how they were measured](../models.md).",
            "",
            "| fold | validation RMSE | test RMSE |",
            "|---|---|---|",
            *rows,
            f"| mean | {measured['validation_rmse'].mean():.4f} "
            f"| {measured['test_rmse'].mean():.4f} |",
            "",
            f"It fits in {seconds:.1f} seconds (median of the folds), has "
            f"{first['n_parameters']:,} free parameters on fold {first['fold']}, and its process "
            f"takes {measured['peak_memory'].max():.0f} MB at the most.",
            "",
            f"![Test RMSE of {name} beside that of the other models]({name}.svg)",
            "",
            f"Made by `python benchmarks/models.py --models {name}`.",
        ]
    )


def picture(name: str, results: pd.DataFrame) -> str:
    """Mean test RMSE of all models, the best on top, with the range of the folds."""
    means = results.groupby("model")["test_rmse"].agg(["mean", "min", "max"]).reset_index()
    base = alt.Chart(means).encode(
        y=alt.Y("model:N", sort=list(means.sort_values("mean")["model"]), title=None),
        color=alt.condition(alt.datum.model == name, alt.value(COLORS[0]), alt.value(GREY)),
    )
    zero = alt.Scale(zero=False)
    ranges = base.mark_rule().encode(x=alt.X("min:Q", scale=zero, title="test RMSE"), x2="max:Q")
    points = base.mark_point(filled=True, size=50, opacity=1).encode(x=alt.X("mean:Q"))
    chart = (ranges + points).properties(width=460, height=alt.Step(14))
    finished = themed(chart, f"{name} among all models", "Mean and range of the published folds")
    return vl_convert.vegalite_to_svg(finished.to_dict())
