"""A text, such as a page or settings to paste."""

from __future__ import annotations

from fivestar.datasets.one_file import OneFile
from fivestar.files import replacing


class TextFile(OneFile[str, str]):
    """Saves and loads a text; kedro-datasets' own writes in place."""

    def load(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def save(self, data: str) -> None:
        with replacing(self.path) as path:
            path.write_text(data, encoding="utf-8")
