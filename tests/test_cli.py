"""Which errors are told plainly, and which keep their traceback."""

from __future__ import annotations

import pytest
from kedro.pipeline import Pipeline

from fivestar.cli import is_users_to_fix
from fivestar.errors import InputError


def test_a_bug_below_a_folder_called_kedro_keeps_its_traceback() -> None:
    module: dict[str, object] = {}
    exec(compile("def bug(): return 1 / 0", "/home/me/kedro/project/nodes.py", "exec"), module)
    with pytest.raises(ZeroDivisionError) as raised:
        module["bug"]()  # type: ignore[operator]
    assert not is_users_to_fix(raised.value)


def test_what_kedro_itself_refuses_is_told_plainly() -> None:
    with pytest.raises(ValueError, match="no-such-node") as raised:
        Pipeline([]).filter(node_names=["no-such-node"])
    assert is_users_to_fix(raised.value)


def test_our_own_input_errors_are_told_plainly() -> None:
    with pytest.raises(InputError) as raised:
        raise InputError("the fix")
    assert is_users_to_fix(raised.value)
