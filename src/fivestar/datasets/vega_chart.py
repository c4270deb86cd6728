"""A picture as a Vega-Lite specification: text that a browser draws."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from kedro_datasets._typing import ImagePreview

from fivestar.datasets.one_file import OneFile
from fivestar.files import replacing

if TYPE_CHECKING:
    from fivestar.reporting.charts import Chart

PREVIEW_WIDTH = 640
"""Of a picture that would take the page's width, pixels."""


class VegaChart(OneFile["Chart", "Chart"]):
    """Saves an Altair chart as JSON and loads it back; kedro-viz shows it as an image."""

    def load(self) -> Chart:
        import altair as alt  # here, for it takes half a second that few commands need

        specification = self._specification()
        rows = specification.pop("datasets", {})  # Altair would check every one, for seconds
        chart: Any = alt.Chart.from_dict(specification)
        chart.datasets = rows
        picture: Chart = chart
        return picture

    def save(self, data: Chart) -> None:
        with replacing(self.path) as path:
            path.write_text(json.dumps(data.to_dict(), ensure_ascii=False), encoding="utf-8")

    def preview(self) -> ImagePreview:
        """The picture as PNG in base64."""
        import vl_convert

        specification = self._specification()
        if specification.get("width") == "container":
            specification["width"] = PREVIEW_WIDTH
        picture = vl_convert.vegalite_to_png(specification, scale=1.5)
        return ImagePreview(base64.b64encode(picture).decode())

    def _specification(self) -> dict[str, Any]:
        specification: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return specification
