"""The site of the documents, with a page for each model; warnings are errors.

    make docs

The pages are gathered in build/docs/source, since those of the models are made here, and built
into build/docs/site. Open its index.html; searching needs a server:

    python -m http.server --directory build/docs/site
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from docs.model_pages import write_pages  # noqa: E402

FROM_ROOT = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}


def gather(source: Path) -> list[str]:
    """Copy the pages and make those of the models, whose names are returned."""
    others = shutil.ignore_patterns("*.py", "*.yml", "__pycache__")
    shutil.copytree(ROOT / "docs", source, ignore=others)
    for name, page in FROM_ROOT.items():
        text = (ROOT / name).read_text("utf-8")
        (source / page).write_text(text.replace("](docs/", "]("), "utf-8")
    return write_pages(source / "models")


def build(folder: Path) -> Path:
    """Build the site below a folder, and return its own folder.

    Raises
    ------
    subprocess.CalledProcessError
        If the generator warns, of a link that leads nowhere for instance.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    models = gather(folder / "source")
    config = yaml.safe_load((ROOT / "docs/mkdocs.yml").read_text("utf-8"))
    section = next(each["Models"] for each in config["nav"] if "Models" in each)
    section.append({"One by one": [{name: f"models/{name}.md"} for name in models]})
    run_generator(folder, config)
    return folder / "site"


def run_generator(folder: Path, config: dict[str, Any]) -> None:
    """Build the pages in ``folder/source`` into ``folder/site``; see ``build``."""
    places = {"docs_dir": "source", "site_dir": "site"}
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(config | places, sort_keys=False), "utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    subprocess.run(command, cwd=folder, check=True)


if __name__ == "__main__":
    try:
        print(f"Site: {build(ROOT / 'build/docs') / 'index.html'}")
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
