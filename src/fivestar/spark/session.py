"""The one place where Spark is looked for and a session begins."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fivestar.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MIN_JAVA = 17
"""The oldest Java that Spark 4 runs on."""


def require_spark() -> None:
    """Refuse to go on without the package and without Java.

    Raises
    ------
    InputError
        That says which of them is missing or too old, and how to install it.
    """
    if importlib.util.find_spec("pyspark") is None:
        raise InputError(
            "engine: spark: the package pyspark is not installed. Install it: "
            'pip install "fivestar[spark]", or in this folder: make spark'
        )
    version = _java_version(_java())
    if version < MIN_JAVA:
        raise InputError(
            f"engine: spark: {_java()} is Java {version}; Spark needs {MIN_JAVA} or newer. {_FIX}"
        )


def is_started() -> bool:
    """Whether there is a session already."""
    from pyspark.sql import SparkSession

    return SparkSession.getActiveSession() is not None


def start_session(settings: Mapping[str, Any]) -> SparkSession:
    """A session with these settings, names and values as Spark's documentation lists them.

    Parameters
    ----------
    settings
        Those of ``spark.yml``: the master, memory, and so on.
    """
    require_spark()
    if address := settings.get("spark.driver.bindAddress"):
        os.environ.setdefault("SPARK_LOCAL_IP", str(address))  # else Spark looks for another
    # Of tables that are turned into pandas ones, which no table is here.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, str(value).lower() if isinstance(value, bool) else value)
    return builder.getOrCreate()


_FIX = (
    f"Install Java {MIN_JAVA} or newer (on Debian and Ubuntu: apt-get install "
    "default-jre-headless), or set JAVA_HOME to where it is."
)


def _java() -> str:
    """The program that Spark would start."""
    home = os.environ.get("JAVA_HOME")
    if home:
        java = Path(home) / "bin/java"
        if not java.exists():
            raise InputError(f"engine: spark: JAVA_HOME is {home}, which has no bin/java. {_FIX}")
        return str(java)
    found = shutil.which("java")
    if found is None:
        raise InputError(
            "engine: spark: Java is not found: JAVA_HOME is not set, and there is no `java` on "
            f"the PATH. {_FIX}"
        )
    return found


def _java_version(java: str) -> int:
    """The first number of ``java -version``: 17 of ``17.0.15``, 8 of ``1.8.0``."""
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    return int(found.group(1)) if found else 0
