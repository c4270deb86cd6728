"""The commands that README and the documents print, and whether each can be run as printed.

``check`` runs nothing: it asks the command line, the Makefile, the configuration and the
pipelines whether they know what a command names. docs/run_commands.py runs them.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import itertools
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import click
import yaml
from kedro.framework.cli.cli import KedroCLI
from kedro.pipeline import Pipeline
from kedro.utils import load_obj
from omegaconf import OmegaConf

from fivestar import pipeline_registry
from fivestar.config import ConfigLoader, name_members
from fivestar.errors import InputError
from fivestar.hooks import line_up
from fivestar.models import build
from fivestar.settings import CONFIG_LOADER_ARGS

ROOT = Path(__file__).parents[1]
PROGRAMS = ("kedro", "make", "python", "fivestar")
OTHERS = ("cp", "docker", "git", "pip", "pre-commit", "python3", ".")
"""What commands of the documents may start with beside the project's own."""
MADE_BY_THE_READER = {"monitored", "my-books", "my-spark", "user_mean"}
"""Environments and models that the documents tell how to make."""
ASKED_BY_THE_CATALOG = {"new_ratings_file", "new_users_file", "pairs_file"}
"""Parameters without a default in the configuration."""
SHAPING = ("engine", "line_up", "ablation", "cross_validation", "tuning")
"""Parameters that pipelines are made by."""
FENCE = re.compile(r"^ *```(\w*).*?$\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


class Command(NamedTuple):
    """A command and where it is printed."""

    document: str
    line: int
    text: str

    @property
    def words(self) -> list[str]:
        """Its words without the comment; programs without the folder .venv/bin."""
        words = shlex.split(self.text, comments=True)
        return [word.removeprefix(".venv/bin/") for word in words]


def documents() -> list[Path]:
    """README and all pages below docs."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(document: Path) -> Iterator[Command]:
    """Commands of a document: the lines of its blocks, and those within its text."""
    text = document.read_text("utf-8")
    name = document.relative_to(ROOT).as_posix()
    for block in FENCE.finditer(text):
        if block[1] in {"", "sh", "console", "bash"}:
            line = text[: block.start(2)].count("\n") + 1
            for part in re.split(r"(?<!\\)\n", block[2]):
                if part.strip():
                    yield Command(name, line, part.replace("\\\n", " ").strip().removeprefix("$ "))
                line += part.count("\n") + 1
    outside = FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)
    own = "|".join(PROGRAMS)
    for span in re.finditer(rf"`((?:\.venv/bin/)?(?:{own}) [^`]+)`", outside):
        line = outside[: span.start()].count("\n") + 1
        yield Command(name, line, span[1].replace("\n", " "))


def check(command: Command) -> None:
    """Find out whether a command can be run as it is printed.

    Raises
    ------
    ValueError
        If something that it names does not exist.
    """
    try:
        check_words(tuple(command.words))
    except (click.ClickException, InputError, ValueError) as error:
        told = error.format_message() if isinstance(error, click.ClickException) else error
        raise ValueError(f"{command.document}:{command.line}: {command.text}: {told}") from None


@cache
def check_words(words: tuple[str, ...]) -> None:
    """``check`` of a command in words."""
    program, *arguments = itertools.dropwhile(re.compile(r"\w+=").match, words)
    checks = {"kedro": check_kedro, "make": check_make, "python": check_python}
    if program == "fivestar":  # the package's own entry point
        check_kedro(["run", *arguments])
    elif program in checks:
        checks[program](arguments)
    elif program not in OTHERS:
        raise ValueError(f"{program} is no known command. Mark a block of output as ```text")


def check_make(words: list[str]) -> None:
    """Targets exist, variables are used, and the recipes can be run as well."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for word in words:
        name, given, _ = word.partition("=")
        if given and f"$({name})" not in makefile:
            raise ValueError(f"the Makefile does not use {name}")
    done = subprocess.run(
        ["make", "--dry-run", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ValueError(done.stderr.strip())
    for line in done.stdout.replace("\\\n", " ").splitlines():
        if re.match(r"\.venv/bin/(kedro|python) (?!-m pip)", line):
            check(Command("Makefile", 0, line))


def check_python(words: list[str]) -> None:
    """The script or module exists and takes these arguments."""
    if words[0] == "-m":
        module, arguments = words[1], words[2:]
        found = importlib.util.find_spec(module)
        if found is None:
            raise ValueError(f"no module {module}")
        if module == "fivestar":
            return check_kedro(["run", *arguments])
        if not module.startswith("fivestar"):
            return None
        sources = [Path(str(found.origin))]
        if found.submodule_search_locations:
            sources = [sources[0].with_name("__main__.py")]
        known = yaml.safe_load((ROOT / "conf/sources.yml").read_text("utf-8"))
        if module == "fivestar.download" and arguments[0] not in {*known, "NAME"}:
            raise ValueError(f"{arguments[0]} is not in conf/sources.yml")
    else:
        path, arguments = ROOT / words[0], words[1:]
        sources = sorted(path.glob("*.py")) if path.is_dir() else [path]
        if not (path / "__main__.py").is_file() and not path.is_file():
            raise ValueError(f"no file {words[0]}")
    parser = parser_of(sources)
    parser.parse_args(arguments)
    return None


def parser_of(sources: list[Path]) -> argparse.ArgumentParser:
    """A parser of the same arguments as that of a script, which is not run."""
    parser = Parser(add_help=False)
    for source in sources:
        text = source.read_text("utf-8")
        has_commands = "add_subparsers" in text
        for call in ast.walk(ast.parse(text)):
            method = getattr(call.func, "attr", "") if isinstance(call, ast.Call) else ""
            if method == "add_subparsers":
                parser.add_argument("words", nargs="*")  # of any of its commands
            if isinstance(call, ast.Call) and method == "add_argument":
                literal = {
                    each.arg: each.value.value
                    for each in call.keywords
                    if each.arg in {"action", "nargs"} and isinstance(each.value, ast.Constant)
                }
                names = [ast.literal_eval(each) for each in call.args]
                if has_commands and not names[0].startswith("-"):
                    continue
                parser.add_argument(*names, **literal)
    return parser


class Parser(argparse.ArgumentParser):
    """One that raises instead of leaving."""

    def error(self, message: str) -> Any:
        raise ValueError(message)


def check_kedro(words: list[str]) -> None:
    """The command exists; of a run its environment, pipelines, nodes and parameters, too."""
    command: click.Command = _cli()
    path = []
    while isinstance(command, click.Group):
        path.append(words.pop(0))
        found = command.get_command(click.Context(command), path[-1])
        if found is None:
            raise ValueError(f"no command kedro {' '.join(path)}")
        command = found
    context = command.make_context(" ".join(path), words)
    if path == ["run"]:
        check_run(context.params)


def check_run(options: dict[str, Any]) -> None:
    """What a run names: environment, runner, parameters, pipelines, tags, namespaces, nodes."""
    env = options["env"] or CONFIG_LOADER_ARGS["default_run_env"]
    if env in MADE_BY_THE_READER:
        env = CONFIG_LOADER_ARGS["default_run_env"]
    if not (ROOT / "conf" / env).is_dir():
        raise ValueError(f"no environment {env}")
    load_obj(options["runner"] or "SequentialRunner", "kedro.runner")
    parameters = parameters_of(env)
    check_parameters(options["params"], parameters)
    merged = parameters
    if options["params"]:
        merged = OmegaConf.to_container(OmegaConf.merge(parameters, options["params"]))
    if merged["engine"] == line_up.SPARK and importlib.util.find_spec("pyspark") is None:
        return
    names = options["pipelines"] or [options["pipeline"] or "__default__"]
    sum((pipeline_of(name, merged) for name in names), Pipeline([])).filter(
        tags=options["tags"] or None,
        node_namespaces=[n for n in options["namespaces"] if n not in MADE_BY_THE_READER] or None,
        node_names=options["node_names"] or None,
        from_nodes=options["from_nodes"] or None,
        to_nodes=options["to_nodes"] or None,
    )


def check_parameters(given: dict[str, Any], known: dict[str, Any], where: str = "") -> None:
    """Every parameter has a default in the configuration; settings of models are built."""
    for name, value in given.items():
        if name in ASKED_BY_THE_CATALOG:
            continue
        if name not in known:
            raise ValueError(f"no parameter {where}{name}")
        if where == "models.":
            build(known[name] | value, name)
        elif isinstance(value, dict) and known[name]:
            check_parameters(value, known[name], f"{where}{name}.")


def pipeline_of(name: str, parameters: Any) -> Pipeline:
    """The pipeline of a name, as a run with these parameters has it."""
    shape = json.dumps([parameters[each] for each in SHAPING] + list(parameters["models"]))
    if (name, shape) not in _made:
        with patch.dict(line_up._of_context, parameters, clear=True):
            if parameters["engine"] == line_up.SPARK:
                made = pipeline_registry.register_pipelines()
                _made.update({(each, shape): pipeline for each, pipeline in made.items()})
            elif name in (creators := pipeline_registry._creators()):
                _made[name, shape] = creators[name]()
    if (name, shape) not in _made:
        raise ValueError(f"no pipeline {name}")
    return _made[name, shape]


_made: dict[tuple[str, str], Pipeline] = {}


@cache
def parameters_of(env: str) -> dict[str, Any]:
    """The parameters of an environment."""
    loader = ConfigLoader(str(ROOT / "conf"), env=env, **CONFIG_LOADER_ARGS)
    parameters = loader["parameters"]
    name_members(parameters["models"])
    return parameters


@cache
def _cli() -> KedroCLI:
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        return KedroCLI(ROOT)
    finally:
        os.chdir(before)
