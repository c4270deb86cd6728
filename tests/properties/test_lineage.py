"""A fingerprint changes when an input does, and only then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from fivestar.lineage.records import Origin, differences
from fivestar.ratings import Scale, Vocabulary

from .tables import PROFILE, ids, ratings, training_data

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@PROFILE
@given(table=ratings(controls=True), data=st.data())
def test_the_split_s_fingerprint_follows_its_content(
    table: pd.DataFrame, data: st.DataObject
) -> None:
    split = training_data(table)
    again = training_data(table.copy())
    assert again.fingerprint == split.fingerprint
    assert replace(split, place="elsewhere").fingerprint == split.fingerprint
    at = data.draw(st.integers(0, len(table) - 1))
    other = table.copy()
    other.loc[at, "rating"] = 1000.5
    assert training_data(other).fingerprint != split.fingerprint
    renamed = data.draw(ids(controls=True).filter(lambda one: one not in set(table["item"])))
    other = table.assign(item=table["item"].where(table["item"] != table["item"].iloc[at], renamed))
    other.attrs = table.attrs
    assert training_data(other).fingerprint != split.fingerprint
    wider = Scale(split.scale.lowest, split.scale.highest + 1)
    assert replace(split, scale=wider).fingerprint != split.fingerprint


@PROFILE
@given(
    first=ids(controls=True),
    second=ids(controls=True),
    between=st.text(st.sampled_from("\x1b\x1e\x1fe"), min_size=1, max_size=2),
)
def test_ids_with_control_characters_are_not_taken_for_others(
    first: str, second: str, between: str
) -> None:
    joined = first + between + second
    vocabularies = [
        ([first, second], []),
        ([second, first], []),
        ([first], [second]),
        ([joined], []),
        ([joined], [second]),
        ([first], [second + between + second]),
    ]
    different = {(*users, "items", *items) for users, items in vocabularies}
    fingerprints = {
        Vocabulary.from_dict({"users": users, "items": items}).fingerprint
        for users, items in vocabularies
    }
    assert len(fingerprints) == len(different)


@PROFILE
@given(parameters=st.dictionaries(st.text(max_size=5), values, max_size=4), data=st.data())
def test_an_output_s_origin_follows_what_it_is_made_of(
    parameters: dict[str, Any], data: st.DataObject
) -> None:
    origin = Origin("als.model", {"fit": 1}, {"training_data": "ab"}, parameters)
    turned = dict(reversed(list(parameters.items())))
    assert replace(origin, parameters=turned).fingerprint == origin.fingerprint
    assert origin.differences(replace(origin, parameters=turned)) == []
    name = data.draw(st.sampled_from([*parameters, "another"]))
    value = data.draw(values.filter(lambda one: one != parameters.get(name)))
    changed = [
        replace(origin, parameters={**parameters, name: value}),
        replace(origin, inputs={"training_data": "ac"}),
        replace(origin, steps={"fit": 2}),
        replace(origin, output="bias.model"),
    ]
    assert len({each.fingerprint for each in [origin, *changed]}) == len(changed) + 1
    assert all(origin.differences(each) for each in changed[:3])


def test_a_setting_that_is_null_is_told_from_one_that_is_not_there() -> None:
    given, absent = {"als": {"stopping": None}}, {"als": {}}
    assert differences(given, absent) == ["als.stopping null, now none"]
    assert differences(absent, given) == ["als.stopping none, now null"]
