"""People held out, the order of questions, and what answers tell."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from fivestar.analysis.elicitation.facts import LEVELS, Facts
from fivestar.analysis.elicitation.greedy import least_error, least_expected_variance
from fivestar.analysis.elicitation.people import Interview, error_after, hold_out
from fivestar.analysis.elicitation.ranking import STRATEGIES, rank
from fivestar.analysis.elicitation.taste import Taste
from fivestar.models import Model, build
from fivestar.ratings import Scale, csr_matrix, observed

SCALE = Scale(1, 5)


def table(rows: list[list[float]]) -> sparse.csr_array:
    """Ratings from a dense table; NaN is none."""
    dense = np.array(rows, dtype=float)
    users, items = np.nonzero(~np.isnan(dense))
    return csr_matrix(users, items, dense[users, items], dense.shape)


def planted(n_users: int = 150, n_items: int = 30, seed: int = 0) -> sparse.csr_array:
    """One strong direction, which only the first five items show; the last ones are known best."""
    random = np.random.default_rng(seed)
    loading = np.r_[np.full(5, 1.2), np.full(n_items - 5, 0.3)]
    stars = 3 + random.normal(0, 1, (n_users, 1)) * loading
    stars = np.clip(np.rint(2 * (stars + random.normal(0, 0.3, stars.shape))) / 2, 1, 5)
    known = random.random(stars.shape) < np.linspace(0.5, 0.7, n_items)
    users, items = np.nonzero(known)
    return csr_matrix(users, items, stars[users, items], stars.shape)


def factorisation(ratings: sparse.csr_array) -> Model:
    model = build({"family": "als", "n_factors": 2, "n_steps": 8, "stopping": None})
    model.fit(ratings, scale=SCALE)
    return model


@pytest.fixture(scope="module")
def ratings() -> sparse.csr_array:
    return planted()


@pytest.fixture(scope="module")
def taste(ratings: sparse.csr_array) -> Taste:
    return Taste.of(factorisation(ratings), ratings)


# -- what ratings say of items


def test_facts_of_items() -> None:
    nan = np.nan
    facts = Facts.of(table([[1, 0, nan, nan], [5, 0, 3, nan], [nan, nan, nan, nan]]))
    assert facts.n_ratings.tolist() == [2, 2, 1, 0]  # a rating of 0 is one too
    assert facts.share.tolist() == [1, 1, 0.5, 0]  # of the two users with ratings
    np.testing.assert_allclose(facts.spread, [2, 0, 0, 0])
    np.testing.assert_allclose(facts.entropy, [np.log(2), 0, 0, 0], atol=1e-12)


def test_entropy_of_a_continuous_scale_counts_bins() -> None:
    stars = np.linspace(0, 10, 1001)
    facts = Facts.of(table(np.column_stack([stars, np.where(stars < 5, 0, 10)]).tolist()))
    np.testing.assert_allclose(facts.entropy, [np.log(LEVELS), np.log(2)], atol=1e-3)


# -- people


def test_half_of_the_ratings_of_held_out_people_are_targets(ratings: sparse.csr_array) -> None:
    held = hold_out(ratings, share=0.3, least=16, most=1000, seed=1)
    counts = np.diff(ratings.indptr)
    assert len(held.people) == round(0.3 * (counts >= 16).sum())
    assert (counts[held.people] >= 16).all()
    assert sorted([*held.people, *held.others]) == np.flatnonzero(counts).tolist()
    assert np.diff(held.pool.indptr).tolist() == (counts[held.people] // 2).tolist()
    both = held.pool.toarray() + held.targets.toarray()
    np.testing.assert_array_equal(both, ratings[held.people].toarray())


def test_people_are_bounded_and_chosen_by_the_seed(ratings: sparse.csr_array) -> None:
    first, again, other = (
        hold_out(ratings, share=0.5, least=10, most=20, seed=seed) for seed in (1, 1, 2)
    )
    assert len(first.people) == 20
    assert first.people.tolist() == again.people.tolist()
    assert (first.pool != again.pool).nnz == 0
    assert first.people.tolist() != other.people.tolist()


def test_answers_come_in_the_order_of_the_questions() -> None:
    nan = np.nan
    pool = table([[1, 2, nan, 4], [nan, 2, 3, nan]])
    interview = Interview(pool, np.array([3, 2, 1, 0]))
    np.testing.assert_array_equal(
        interview.after_answers(1).toarray(), [[0, 0, 0, 4], [0, 0, 3, 0]]
    )
    np.testing.assert_array_equal(
        interview.after_answers(2).toarray(), [[0, 2, 0, 4], [0, 2, 3, 0]]
    )
    assert interview.questions_until(1).tolist() == [1, 2]
    assert sorted(interview.questions_until(2).tolist()) == [3, 3]
    assert interview.questions_until(3).tolist() == [4]  # only one person has three
    assert interview.after_questions(0).nnz == 0
    assert interview.after_questions(1).nnz == 1
    assert (interview.after_questions(4) != pool).nnz == 0


def test_the_error_is_that_of_people_folded_in_by_their_answers() -> None:
    model = build({"family": "bias", "user_regularization": 0, "item_regularization": 0})
    model.fit(table([[2, 2, 2], [4, 4, 4]]), scale=SCALE)
    nothing, one = table([[np.nan] * 3]), table([[5, np.nan, np.nan]])
    targets = table([[np.nan, 5, 5]])
    assert error_after(model, nothing, targets) == pytest.approx(2)
    assert error_after(model, one, targets) == pytest.approx(0, abs=1e-6)


# -- taste


def test_taste_predicts_as_the_factorisation_does(ratings: sparse.csr_array) -> None:
    model = factorisation(ratings)
    taste = Taste.of(model, ratings)
    users, items, stars = observed(ratings)
    assert taste.noise == pytest.approx(np.mean((stars - model.predict(users, items)) ** 2))
    own = taste.base + taste.design @ np.r_[model.user_factors[3], model.user_bias[3]]
    np.testing.assert_allclose(
        own.clip(1, 5), model.predict(np.full(30, 3), np.arange(30)), rtol=1e-5
    )
    assert taste.covariance.shape == (3, 3)


@pytest.mark.parametrize(
    "settings",
    [{"family": "bias"}, {"family": "mf_diagonal", "n_steps": 3}],
    ids=lambda s: s["family"],
)
def test_taste_of_another_kind_of_model_is_refused(
    settings: dict, ratings: sparse.csr_array
) -> None:
    model = build(settings)
    model.fit(ratings, scale=SCALE)
    with pytest.raises(ValueError, match=r"no factors|are not mu"):
        Taste.of(model, ratings)


# -- greedy


def test_expected_variance_falls_by_what_is_told(taste: Taste) -> None:
    """Each gain is the fall of the weighted trace, with information summed up question by one."""
    random = np.random.default_rng(0)
    share, weights = random.random(30), random.random(30)
    chosen, gains = least_expected_variance(taste, share, weights, np.arange(30), 4)

    def variance(asked: list[int]) -> float:
        information = np.linalg.inv(taste.covariance)
        for item in asked:
            design = taste.design[item]
            information += share[item] * np.outer(design, design) / taste.noise
        left = np.linalg.inv(information)
        of_items = np.einsum("ik,kl,il->i", taste.design, left, taste.design)
        return float(np.average(of_items, weights=weights))

    for n, gain in enumerate(gains):
        before = chosen[:n].tolist()
        assert gain == pytest.approx(variance(before) - variance([*before, chosen[n]]))
        rest = np.setdiff1d(np.arange(30), before)
        assert chosen[n] == min(rest, key=lambda item: variance([*before, item]))


def test_near_duplicates_are_not_asked_one_after_the_other() -> None:
    design = np.array([[2, 0, 1], [2, 0, 1], [0, 1, 1]], dtype=float)
    taste = Taste(np.full(3, 3.0), design, np.zeros(3), np.eye(3), 0.1)
    chosen, gains = least_expected_variance(taste, np.ones(3), np.ones(3), np.arange(3), 3)
    assert chosen.tolist() == [0, 2, 1]
    assert gains[2] < 0.1 * gains[1]


def test_hardly_known_items_are_not_asked() -> None:
    taste = Taste(np.full(2, 3.0), np.array([[2.0, 1], [1, 1]]), np.zeros(2), np.eye(2), 0.5)
    for share, first in (([0.9, 0.9], 0), ([0.01, 0.9], 1)):
        chosen, _ = least_expected_variance(taste, np.array(share), np.ones(2), np.arange(2), n=1)
        assert chosen.tolist() == [first]


def test_realised_error_falls_by_the_gain(taste: Taste, ratings: sparse.csr_array) -> None:
    ratings, candidates = ratings[:30], np.arange(0, 30, 3)
    chosen, gains = least_error(taste, ratings, candidates, 4, seed=0)
    for n, gain in enumerate(gains):
        asked, item = chosen[:n].tolist(), int(chosen[n])
        falls = {
            other: squared_error(taste, ratings, asked, without=other)
            - squared_error(taste, ratings, [*asked, other], without=other)
            for other in np.setdiff1d(candidates, asked)
        }
        assert item == max(falls, key=falls.__getitem__)
        assert gain * ratings.nnz == pytest.approx(falls[item], rel=1e-6)


def squared_error(taste: Taste, ratings: sparse.csr_array, asked: list[int], without: int) -> float:
    """Of all ratings that are not asked for, by everybody's posterior mean found from scratch."""
    total = 0.0
    for row in range(ratings.shape[0]):
        person = ratings[[row]]
        design = taste.design[person.indices]
        rest = person.data - taste.base[person.indices] - design @ taste.mean
        told = np.isin(person.indices, asked)
        precision = np.linalg.inv(taste.covariance) + design[told].T @ design[told] / taste.noise
        moved = np.linalg.solve(precision, design[told].T @ rest[told] / taste.noise)
        left = ~told & (person.indices != without)
        total += float(np.sum((rest - design @ moved)[left] ** 2))
    return total


# -- rankings


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_ranking_holds_every_item_once_and_unrated_ones_last(
    strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fivestar.analysis.elicitation.greedy.LONGEST", 6)
    full = planted(60, 12)
    ratings = sparse.csr_array(sparse.hstack([sparse.csr_array((60, 2)), full]), dtype=np.float32)
    taste = Taste.of(factorisation(ratings), ratings)
    ranking = rank(strategy, ratings, taste)
    assert sorted(ranking.items) == list(range(14))
    assert sorted(ranking.items[-2:]) == [0, 1]
    assert np.isnan(ranking.gains[-2:]).all()
    again = rank(strategy, ratings, taste)
    assert again.items.tolist() == ranking.items.tolist()
    if strategy.startswith("greedy"):
        rest = np.diff(ratings.tocsc().indptr)[ranking.items[6:]]
        assert (np.diff(rest) <= 0).all()  # popular ones follow
        assert np.isfinite(ranking.gains[:6]).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_ratings_that_are_all_the_same_make_a_ranking_too(strategy: str) -> None:
    ratings = planted(30, 8)
    ratings.data[:] = 4
    ranking = rank(strategy, ratings, Taste.of(factorisation(ratings), ratings))
    assert sorted(ranking.items) == list(range(8))


def test_popular_and_divided_items_come_first() -> None:
    nan = np.nan
    ratings = table([[3, 1, 5], [3, 5, nan], [3, 1, nan], [3, 5, nan]])
    assert rank("popular", ratings).items.tolist() == [0, 1, 2]
    divided = rank("popularity_entropy", ratings)
    assert divided.items.tolist() == [1, 0, 2]  # of one rating the logarithm is 0
    np.testing.assert_allclose(divided.gains, [np.log(4) * np.log(2), 0, 0], atol=1e-12)


@pytest.mark.parametrize("strategy", ["greedy", "greedy_extend"])
def test_telling_items_beat_popular_ones(strategy: str) -> None:
    held = hold_out(planted(400), share=0.3, least=12, most=1000, seed=0)
    known = planted(400)[held.others]
    model = factorisation(known)
    taste = Taste.of(model, known)

    def error(name: str) -> float:
        interview = Interview(held.pool, rank(name, known, taste).items)
        return error_after(model, interview.after_questions(5), held.targets)

    assert rank(strategy, known, taste).items[0] < 5
    assert error(strategy) < error("popular") - 0.02


def test_a_greedy_ranking_needs_a_taste(ratings: sparse.csr_array) -> None:
    with pytest.raises(ValueError, match="taste"):
        rank("greedy", ratings)
