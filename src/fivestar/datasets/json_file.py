"""A plain value as JSON."""

from __future__ import annotations

import json
from typing import Any

from kedro_datasets._typing import JSONPreview

from fivestar.datasets.one_file import OneFile
from fivestar.files import replacing


class JsonFile(OneFile[Any, Any]):
    """Saves and loads dictionaries, lists and numbers; kedro-datasets' own writes in place.

    Parameters
    ----------
    filepath, metadata
        See ``OneFile``.
    save_args
        Of ``json.dumps``.
    """

    def __init__(
        self,
        *,
        filepath: str,
        save_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._save_args = save_args or {}

    def load(self) -> Any:
        return json.loads(self.path.read_text(encoding="utf-8"))

    def save(self, data: Any) -> None:
        text = json.dumps(data, **self._save_args)
        with replacing(self.path) as path:
            path.write_text(text, encoding="utf-8")

    def preview(self) -> JSONPreview:
        """The whole value."""
        return JSONPreview(json.dumps(json.loads(self.path.read_text(encoding="utf-8"))))
