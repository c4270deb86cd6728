"""What the settings of all pipelines have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from fivestar.errors import InputError, explain


class Settings(BaseModel):
    """Settings as the parameters hold them; a name that nobody reads is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """As pydantic's, but a mistake is an ``InputError`` that is told plainly."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise InputError(explain(error, cls._known_at)) from error

    @classmethod
    def read(cls, name: str, value: Any) -> Self:
        """The settings that the parameter of this name holds.

        Raises
        ------
        InputError
            If a value cannot be used or a name is unknown.
        """
        try:
            return cls.model_validate(value)
        except InputError as error:
            raise InputError(f"parameter {name}: {error}") from error

    @classmethod
    def _known_at(cls, path: Sequence[Any]) -> list[str]:
        """Names of the settings inside the one at ``path``."""
        settings: type[BaseModel] | None = cls
        for name in path:
            if settings is None or name not in settings.model_fields:
                return []
            kind = settings.model_fields[name].annotation
            settings = next(
                (
                    each
                    for each in (kind, *get_args(kind))
                    if isinstance(each, type) and issubclass(each, BaseModel)
                ),
                None,
            )
        return [] if settings is None else list(settings.model_fields)
