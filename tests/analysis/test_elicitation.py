"""Held-out users, the order of questions, and what answers tell."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from fivestar.analysis.elicitation.greedy import ExpectedVariance, RealizedError, choose
from fivestar.analysis.elicitation.interviews import HeldOut, Interview, hold_out
from fivestar.analysis.elicitation.prior import UserPrior
from fivestar.analysis.elicitation.ranking import MAX_LEVELS, STRATEGIES, entropies, rank
from fivestar.models import Model, build
from fivestar.ratings import Scale, csr_matrix, observed

SCALE = Scale(1, 5)
SHORT = {"n_factors": 2, "n_burn_in": 5, "n_steps": 10, "n_kept": 10}


def table(rows: list[list[float]]) -> sparse.csr_array:
    """Ratings from a dense table; NaN is none."""
    dense = np.array(rows, dtype=float)
    users, items = np.nonzero(~np.isnan(dense))
    return csr_matrix(users, items, dense[users, items], dense.shape)


def planted(n_users: int = 150, n_items: int = 30, seed: int = 0) -> sparse.csr_array:
    """One strong direction, which only the first five items show; the last ones are known best."""
    random = np.random.default_rng(seed)
    loading = np.r_[np.full(5, 1.2), np.full(n_items - 5, 0.3)]
    values = 3 + random.normal(0, 1, (n_users, 1)) * loading
    values = np.clip(np.rint(2 * (values + random.normal(0, 0.3, values.shape))) / 2, 1, 5)
    known = random.random(values.shape) < np.linspace(0.5, 0.7, n_items)
    users, items = np.nonzero(known)
    return csr_matrix(users, items, values[users, items], values.shape)


def factorisation(ratings: sparse.csr_array, scale: Scale = SCALE) -> Model:
    model = build({"family": "als", "n_factors": 2, "n_steps": 8, "stopping": None})
    model.fit(ratings, scale=scale)
    return model


@pytest.fixture(scope="module")
def ratings() -> sparse.csr_array:
    return planted()


@pytest.fixture(scope="module")
def prior(ratings: sparse.csr_array) -> UserPrior:
    return UserPrior.of(factorisation(ratings), ratings)


# -- what ratings say of items


def test_entropy_of_items_counts_each_rating() -> None:
    nan = np.nan
    entropy = entropies(table([[1, 0, nan, nan], [5, 0, 3, nan], [nan, nan, nan, nan]]))
    np.testing.assert_allclose(entropy, [np.log(2), 0, 0, 0], atol=1e-12)


def test_entropy_of_a_continuous_scale_counts_bins() -> None:
    ratings = np.linspace(0, 10, 1001)
    entropy = entropies(table(np.column_stack([ratings, np.where(ratings < 5, 0, 10)]).tolist()))
    np.testing.assert_allclose(entropy, [np.log(MAX_LEVELS), np.log(2)], atol=1e-3)


# -- held-out users


def test_half_of_the_ratings_of_held_out_users_are_targets(ratings: sparse.csr_array) -> None:
    held_out = hold_out(ratings, fraction=0.3, min_ratings=16, max_users=1000, seed=1)
    counts = np.diff(ratings.indptr)
    assert len(held_out.users) == round(0.3 * (counts >= 16).sum())
    assert (counts[held_out.users] >= 16).all()
    assert sorted([*held_out.users, *held_out.others]) == np.flatnonzero(counts).tolist()
    assert np.diff(held_out.answers.indptr).tolist() == (counts[held_out.users] // 2).tolist()
    both = held_out.answers.toarray() + held_out.targets.toarray()
    np.testing.assert_array_equal(both, ratings[held_out.users].toarray())


def test_held_out_users_are_bounded_and_chosen_by_the_seed(ratings: sparse.csr_array) -> None:
    first, again, other = (
        hold_out(ratings, fraction=0.5, min_ratings=10, max_users=20, seed=seed)
        for seed in (1, 1, 2)
    )
    assert len(first.users) == 20
    assert first.users.tolist() == again.users.tolist()
    assert (first.answers != again.answers).nnz == 0
    assert first.users.tolist() != other.users.tolist()


def held(answers: sparse.csr_array, targets: sparse.csr_array) -> HeldOut:
    nobody = np.arange(0)
    return HeldOut(np.arange(answers.shape[0]), nobody, answers, targets)


def test_answers_come_in_the_order_of_the_questions() -> None:
    nan = np.nan
    pool = table([[1, 2, nan, 4], [nan, 2, 3, nan]])
    interview = Interview(held(pool, pool), np.array([3, 2, 1, 0]))
    for n, expected in ((1, [[0, 0, 0, 4], [0, 0, 3, 0]]), (2, [[0, 2, 0, 4], [0, 2, 3, 0]])):
        np.testing.assert_array_equal(interview.answers(answers=n).toarray(), expected)
    assert interview.answers(questions=0).nnz == 0
    assert interview.answers(questions=1).nnz == 1
    assert (interview.answers(questions=4) != pool).nnz == 0


def test_the_error_is_that_of_users_folded_in_by_their_answers() -> None:
    model = build({"family": "bias", "user_regularization": 0, "item_regularization": 0})
    model.fit(table([[2, 2, 2], [4, 4, 4]]), scale=SCALE)
    nan = np.nan
    users = held(table([[5, nan, nan]] * 2), table([[nan, 5, 5]] * 2))
    interview = Interview(users, np.array([1, 0, 2]))
    by_answers = interview.by_answers(model, 1)
    assert by_answers["rmse"].tolist() == pytest.approx([2, 0], abs=1e-6)
    assert by_answers["n_users"].tolist() == [2, 2]
    assert by_answers["n_targets"].tolist() == [4, 4]
    assert by_answers["mean_questions"].tolist() == [0, 2]
    assert by_answers["median_questions"].tolist() == [0, 2]
    by_questions = interview.by_questions(model, [0, 1, 2])
    assert by_questions["rmse"].tolist() == pytest.approx([2, 2, 0], abs=1e-6)
    assert by_questions["mean_answers"].tolist() == [0, 0, 1]


# -- prior


def test_prior_predicts_as_the_factorisation_does(ratings: sparse.csr_array) -> None:
    model = factorisation(ratings)
    prior = UserPrior.of(model, ratings)
    users, items, values = observed(ratings)
    assert prior.noise == pytest.approx(np.mean((values - model.predict(users, items)) ** 2))
    factors = model.factors()
    assert factors is not None
    assert factors.users is not None
    assert factors.user_bias is not None
    own = prior.base + prior.design @ np.r_[factors.users[3], factors.user_bias[3]]
    np.testing.assert_allclose(
        own.clip(1, 5), model.predict(np.full(30, 3), np.arange(30)), rtol=1e-5
    )
    assert prior.covariance.shape == (3, 3)


def test_users_and_items_without_ratings_change_no_prior(ratings: sparse.csr_array) -> None:
    larger = sparse.csr_array(ratings, shape=ratings.shape)
    larger.resize(ratings.shape[0] + 50, ratings.shape[1] + 2)
    own, others = (UserPrior.of(factorisation(given), given) for given in (ratings, larger))
    np.testing.assert_allclose(others.covariance, own.covariance, rtol=1e-4)
    assert not others.design[-2:].any()


@pytest.mark.parametrize("settings", [{"family": "item_mean"}, {"family": "bayesian_mf", **SHORT}])
def test_prior_of_another_kind_of_model_is_refused(
    settings: dict, ratings: sparse.csr_array
) -> None:
    model = build(settings)
    model.fit(ratings, scale=SCALE)
    with pytest.raises(ValueError, match=r"are not mu"):
        UserPrior.of(model, ratings)


# -- greedy


def test_expected_variance_falls_by_what_is_told(prior: UserPrior) -> None:
    """Each gain is the fall of the weighted trace, with information summed up question by one."""
    random = np.random.default_rng(0)
    known, weights = random.random(30), random.random(30)
    chosen, gains = choose(ExpectedVariance(prior, known, weights, np.arange(30)), 4)

    def variance(asked: list[int]) -> float:
        information = np.linalg.inv(prior.covariance)
        for item in asked:
            design = prior.design[item]
            information += known[item] * np.outer(design, design) / prior.noise
        left = np.linalg.inv(information)
        of_items = np.einsum("ik,kl,il->i", prior.design, left, prior.design)
        return float(np.average(of_items, weights=weights))

    for n, gain in enumerate(gains):
        before = chosen[:n].tolist()
        assert gain == pytest.approx(variance(before) - variance([*before, chosen[n]]))
        rest = np.setdiff1d(np.arange(30), before)
        assert chosen[n] == min(rest, key=lambda item: variance([*before, item]))


def test_near_duplicates_are_not_asked_one_after_the_other() -> None:
    design = np.array([[2, 0, 1], [2, 0, 1], [0, 1, 1]], dtype=float)
    prior = UserPrior(np.full(3, 3.0), design, np.zeros(3), np.eye(3), 0.1)
    chosen, gains = choose(ExpectedVariance(prior, np.ones(3), np.ones(3), np.arange(3)), 3)
    assert chosen.tolist() == [0, 2, 1]
    assert gains[2] < 0.1 * gains[1]


def test_hardly_known_items_are_not_asked() -> None:
    prior = UserPrior(np.full(2, 3.0), np.array([[2.0, 1], [1, 1]]), np.zeros(2), np.eye(2), 0.5)
    for known, first in (([0.9, 0.9], 0), ([0.01, 0.9], 1)):
        beliefs = ExpectedVariance(prior, np.array(known), np.ones(2), np.arange(2))
        chosen, _ = choose(beliefs, 1)
        assert chosen.tolist() == [first]


def test_realised_error_falls_by_the_gain(prior: UserPrior, ratings: sparse.csr_array) -> None:
    ratings, candidates = ratings[:30], np.arange(0, 30, 3)
    chosen, gains = choose(RealizedError(prior, ratings, candidates, seed=0), 4)
    for n, gain in enumerate(gains):
        asked, item = chosen[:n].tolist(), int(chosen[n])
        falls = {
            other: squared_error(prior, ratings, asked, without=other)
            - squared_error(prior, ratings, [*asked, other], without=other)
            for other in np.setdiff1d(candidates, asked)
        }
        assert item == max(falls, key=falls.__getitem__)
        assert gain * ratings.nnz == pytest.approx(falls[item], rel=1e-6)


def squared_error(
    prior: UserPrior, ratings: sparse.csr_array, asked: list[int], without: int
) -> float:
    """Of all ratings that are not asked for, by everybody's posterior mean found from scratch."""
    total = 0.0
    for row in range(ratings.shape[0]):
        user = ratings[[row]]
        design = prior.design[user.indices]
        rest = user.data - prior.base[user.indices] - design @ prior.mean
        told = np.isin(user.indices, asked)
        precision = np.linalg.inv(prior.covariance) + design[told].T @ design[told] / prior.noise
        moved = np.linalg.solve(precision, design[told].T @ rest[told] / prior.noise)
        left = ~told & (user.indices != without)
        total += float(np.sum((rest - design @ moved)[left] ** 2))
    return total


# -- rankings


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_ranking_holds_every_item_once_and_unrated_ones_last(
    strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fivestar.analysis.elicitation.ranking.MAX_CHOSEN", 6)
    full = planted(60, 12)
    ratings = sparse.csr_array(sparse.hstack([sparse.csr_array((60, 2)), full]), dtype=np.float32)
    prior = UserPrior.of(factorisation(ratings), ratings)
    ranking = rank(strategy, ratings, prior)
    assert sorted(ranking.items) == list(range(14))
    assert sorted(ranking.items[-2:]) == [0, 1]
    assert np.isnan(ranking.gains[-2:]).all()
    again = rank(strategy, ratings, prior)
    assert again.items.tolist() == ranking.items.tolist()
    if strategy.startswith("greedy"):
        rest = np.diff(ratings.tocsc().indptr)[ranking.items[6:]]
        assert (np.diff(rest) <= 0).all()  # popular ones follow
        assert np.isfinite(ranking.gains[:6]).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_ratings_that_are_all_the_same_make_a_ranking_too(strategy: str) -> None:
    ratings = planted(30, 8)
    ratings.data[:] = 4
    ranking = rank(strategy, ratings, UserPrior.of(factorisation(ratings), ratings))
    assert sorted(ranking.items) == list(range(8))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_ranking_is_the_same_on_any_scale(strategy: str, ratings: sparse.csr_array) -> None:
    larger = 20 * ratings
    rankings = [
        rank(strategy, given, UserPrior.of(factorisation(given, Scale(n, 5 * n)), given))
        for n, given in ((1, ratings), (20, larger))
    ]
    assert rankings[0].items.tolist() == rankings[1].items.tolist()


def test_popular_and_divided_items_come_first() -> None:
    nan = np.nan
    ratings = table([[3, 1, 5], [3, 5, nan], [3, 1, nan], [3, 5, nan]])
    assert rank("popular", ratings).items.tolist() == [0, 1, 2]
    divided = rank("popularity_entropy", ratings)
    assert divided.items.tolist() == [1, 0, 2]  # of one rating the logarithm is 0
    np.testing.assert_allclose(divided.gains, [np.log(4) * np.log(2), 0, 0], atol=1e-12)


@pytest.mark.parametrize("strategy", ["greedy", "greedy_extend"])
def test_telling_items_beat_popular_ones(strategy: str) -> None:
    held_out = hold_out(planted(400), fraction=0.3, min_ratings=12, max_users=1000, seed=0)
    known = planted(400)[held_out.others]
    model = factorisation(known)
    prior = UserPrior.of(model, known)

    def error(name: str) -> float:
        interview = Interview(held_out, rank(name, known, prior).items)
        return float(interview.by_questions(model, [5])["rmse"].iloc[0])

    assert rank(strategy, known, prior).items[0] < 5
    assert error(strategy) < error("popular") - 0.02


def test_a_greedy_ranking_needs_a_prior(ratings: sparse.csr_array) -> None:
    with pytest.raises(ValueError, match="prior"):
        rank("greedy", ratings)
