"""What the settings of all pipelines have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Settings as the parameters hold them; a name that nobody reads is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
