"""Names that files and folders are given: parts of a path, never a path to elsewhere."""

import re

NAME = re.compile(r"\w[\w.-]*")
"""Of a file or folder inside another one."""
MODEL_NAME = re.compile(r"\w[\w-]*")
"""Of a model's folder; without dots, at which Kedro divides namespaces."""
