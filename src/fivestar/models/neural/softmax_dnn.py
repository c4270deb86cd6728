"""A user's liked items in, a softmax over all items out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Lt, MinLen
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.biases import Biases
from fivestar.models.factors import Factors
from fivestar.models.minibatch import Weights, keep_average, normal
from fivestar.models.neural.layers import Activation, Layers
from fivestar.models.sparse_products import SparseRows, dot_products_at, sparse_times_dense
from fivestar.models.training import EarlyStopping, History, Steps, Training
from fivestar.ratings import Positions, observed

CALIBRATION_SHARE = 0.1
"""Share of the ratings that only the calibration learns from."""
LEAST = 20
"""Ratings to calibrate on; with fewer the prediction is the bias model's."""


@dataclass(kw_only=True)
class SoftmaxDNN(Steps, Model):
    r"""Softmax deep neural network: which item a user likes next, by the items liked so far.

    L_u are the items that user u rated at least ``liked_from`` of the way up the scale. Then

        x_u = |L_u|^(-1/2) sum_{j in L_u} e_j                 input, (embedding_size,)
        c_u = MLP(f(x_u))                                     code, (hidden_last,)
        z_ui = c_u . v_i + d_i,  P(i | u) = exp(z_ui) / sum_j exp(z_uj)

    Training holds a random share of a user's likes back from x_u and maximises the mean of
    log P over those. With ``n_sampled`` = S the sum over all m items j is estimated by
    exp(z_ui) + (m - 1)/S sum over S random items, the same for all users of a minibatch. AdamW
    moves the weights; kept is their exponential moving average.

    ``rank_scores`` gives z for recommending. A rating is predicted by least squares on train,

        r_ui ~ w_0 + w_1 (mu + b_u + b_i) + w_2 (z_ui - mean of z_u),

    b being the bias model. The w are found on a tenth of the ratings that neither network nor
    biases have seen: of a rating they have learned from, z would tell whether it was a like.

    Covington, Adams, Sargin, "Deep Neural Networks for YouTube Recommendations", RecSys 2016;
    Google's course on recommendation systems, "Softmax model".

    Parameters
    ----------
    liked_from
        0 is the lowest star, 1 the highest: 0.75 is 4 of 1 to 5 stars.
    embedding_size, hidden
        Length of e, and units of the layers after it; the last one's are the code.
    activation, batch_norm
        Of all but the last layer.
    held_back
        Share of the likes that are to be predicted from the others.
    n_sampled
        S; None uses all items.
    learning_rate, weight_decay, batch_size
        AdamW's, and the users in a minibatch.
    averaging
        Decay of the moving average at an update; 0 keeps the last weights.

    Attributes
    ----------
    user_bias, item_bias : (n_users,) and (n_items,) stars, of the bias model
    input_embeddings, output_embeddings : e (n_items, embedding_size), v (n_items, hidden_last)
    output_bias : d (n_items,)
    network, statistics : see ``Layers``
    codes : (n_users + 1, hidden_last); the last one is that of a user without likes
    calibration : w, (3,); (0, 1, 0) where train is too small to find it
    """

    family: ClassVar[str] = "softmax_dnn"

    liked_from: Annotated[float, Ge(0), Le(1)] = 0.75
    embedding_size: Annotated[int, Ge(1)] = 128
    hidden: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)] = (128,)
    activation: Activation = "tanh"
    batch_norm: bool = False
    held_back: Annotated[float, Gt(0), Lt(1)] = 0.4
    n_sampled: Annotated[int, Ge(1)] | None = None
    learning_rate: Annotated[float, Gt(0)] = 3e-3
    weight_decay: Annotated[float, Ge(0)] = 1.0
    batch_size: Annotated[int, Ge(1)] = 128
    averaging: Annotated[float, Ge(0), Lt(1)] = 0.98
    n_steps: Annotated[int, Ge(0)] = 100
    stopping: EarlyStopping | None = field(default_factory=lambda: EarlyStopping(patience=20))
    measure_every: Annotated[int, Ge(1)] = 5

    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()
    input_embeddings: FloatArray = learned()
    output_embeddings: FloatArray = learned()
    output_bias: FloatArray = learned()
    network: FloatArray = learned()
    calibration: FloatArray = learned()
    statistics: FloatArray = learned(parameter=False)
    codes: FloatArray = learned(parameter=False)

    # -- training

    def _fit(self, training: Training) -> History:
        train = training.ratings
        biases = Biases.of(train, self.mean[0])
        self.user_bias, self.item_bias = biases.users, biases.items
        learning, _ = self._split(train)
        generator = torch.Generator().manual_seed(self.seed)
        weights = self._start(train.shape[1], generator)
        average = keep_average(self, weights, self.averaging)
        adam = torch.optim.AdamW(
            [weight for weight in weights.values() if weight.requires_grad],
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            fused=True,
        )
        likes = self._likes(learning)
        likes = likes[np.flatnonzero(np.diff(likes.indptr))]

        def step() -> None:
            order = torch.randperm(likes.shape[0], generator=generator).numpy()
            for start in range(0, len(order), self.batch_size):
                loss = self._loss(weights, likes[order[start : start + self.batch_size]], generator)
                adam.zero_grad()
                torch.autograd.backward(loss)
                adam.step()
                average.update()

        arrays = [getattr(self, name) for name in weights]
        return training.run(step, arrays, self, refresh=lambda: self._use_current_weights(train))

    def _start(self, n_items: int, generator: torch.Generator) -> Weights:
        scale, n_codes = self.embedding_size**-0.5, self.hidden[-1]
        return {
            "input_embeddings": normal(generator, scale, n_items, self.embedding_size),
            "output_embeddings": normal(generator, 0.1 * n_codes**-0.5, n_items, n_codes),
            "output_bias": torch.zeros(n_items),
            "network": self._layers.start(generator),
            "statistics": self._layers.start_statistics(),
        }

    def _loss(
        self, weights: Weights, likes: sparse.csr_array, generator: torch.Generator
    ) -> Tensor:
        """Mean of -log P over a random share of the likes, given the others."""
        held = torch.rand(likes.nnz, generator=generator).numpy() < self.held_back
        codes = self._code(weights, _only(likes, ~held), generator)
        asked = SparseRows(_only(likes, held))
        outputs, bias = weights["output_embeddings"], weights["output_bias"]
        own = dot_products_at(asked, codes, outputs) + bias.index_select(0, asked.columns)
        if self.n_sampled is None:
            total = torch.logsumexp(torch.addmm(bias, codes, outputs.T), 1)
            total = total.index_select(0, asked.rows)
        else:
            n_items, size = len(bias), (self.n_sampled,)
            drawn = torch.randint(n_items, size, generator=generator)
            others = torch.addmm(bias[drawn], codes, outputs[drawn].T)
            share = np.log(max(n_items - 1, 1) / self.n_sampled)
            total = torch.logsumexp(others, 1).index_select(0, asked.rows) + share
            total = torch.logaddexp(total, own)
        return (total - own).sum() / max(len(own), 1)

    # -- the network

    @property
    def _layers(self) -> Layers:
        return Layers((self.embedding_size, *self.hidden), self.activation, 0.0, self.batch_norm)

    def _likes(self, ratings: sparse.csr_array) -> sparse.csr_array:
        lowest, highest = self._ends
        liked = ratings.data >= lowest + self.liked_from * (highest - lowest)
        return _only(ratings, liked)

    def _code(
        self, weights: Weights, likes: sparse.csr_array, generator: torch.Generator | None = None
    ) -> Tensor:
        """Codes, (n_rows, hidden_last), of rows of likes."""
        rows = SparseRows(likes)
        counts = rows.offsets.diff().clamp(min=1).to(torch.float32)
        values = counts.rsqrt().index_select(0, rows.rows)
        units = sparse_times_dense(rows, values, weights["input_embeddings"])
        return self._layers(torch.tanh(units), weights["network"], weights["statistics"], generator)

    def encode(self, likes: sparse.csr_array) -> FloatArray:
        """Codes of rows of likes by the learned weights."""
        names = ("input_embeddings", "network", "statistics")
        with torch.no_grad():
            codes = self._code(
                {name: torch.from_numpy(getattr(self, name)) for name in names}, likes
            )
        array: FloatArray = codes.numpy()
        return array

    # -- new people

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        self.user_bias = self._biases.fold_in(ratings).users
        self.codes = self._codes_of(ratings)

    # -- use

    def rank_scores(self, users: Positions) -> FloatArray:
        """z, (n_users asked, n_items): higher is more to the user's liking; -1 is a new user."""
        scores: FloatArray = self.codes[users] @ self.output_embeddings.T
        return scores + self.output_bias

    def _score(self, users: Positions, items: Positions) -> FloatArray:
        constant, of_base, of_logit = self.calibration
        logits = self._logits(self.codes[users], items)
        stars: FloatArray = constant + of_base * self._biases(users, items) + of_logit * logits
        return stars

    @property
    def _biases(self) -> Biases:
        return Biases(self.mean[0], self.user_bias, self.item_bias)

    def _factors(self) -> Factors:
        """Output embeddings above their mean, and codes by how much a logit counts."""
        constant, of_base, of_logit = self.calibration
        outputs, bias = self.output_embeddings, self.output_bias
        return Factors(
            items=outputs - outputs.mean(0),
            users=self.codes[:-1] * of_logit,
            item_bias=of_base * self.item_bias + of_logit * (bias - bias.mean()),
            user_bias=of_base * self.user_bias,
            constant=float(constant + of_base * self.mean[0]),
            exact=True,
        )

    def _logits(self, codes: FloatArray, items: Positions) -> FloatArray:
        """What z of pairs is above the mean of all items."""
        outputs = self.output_embeddings - self.output_embeddings.mean(0)
        logits: FloatArray = np.einsum("pk,pk->p", codes, outputs[items])
        logits += self.output_bias[items] - self.output_bias.mean()
        return logits

    def _use_current_weights(self, train: sparse.csr_array) -> None:
        """Set w, then the codes of all likes."""
        learning, calibrating = self._split(train)
        users, items, stars = observed(calibrating)
        self.calibration = np.array([0, 1, 0], dtype=np.float32)
        if calibrating.nnz >= LEAST:
            self.codes = self.encode(self._likes(learning))
            mean = np.float32(learning.data.mean(dtype=np.float64))
            unseen = replace(Biases.of(learning, mean), mean=self.mean[0])
            base = unseen(users, items)
            logits = self._logits(self.codes[users], items)
            terms = np.column_stack([np.ones(len(stars)), base, logits])
            self.calibration = np.linalg.lstsq(terms, stars)[0].astype(np.float32)
        self.codes = self._codes_of(train)

    def _codes_of(self, ratings: sparse.csr_array) -> FloatArray:
        """Codes of all people, and last that of one without likes."""
        nobody = sparse.csr_array((1, ratings.shape[1]), dtype=np.float32)
        return self.encode(sparse.vstack([self._likes(ratings), nobody], format="csr"))

    def _split(self, train: sparse.csr_array) -> tuple[sparse.csr_array, sparse.csr_array]:
        """The ratings to learn from, and those to calibrate on."""
        order = np.random.default_rng(self.seed).permutation(train.nnz)
        apart = order < int(CALIBRATION_SHARE * train.nnz)
        return _only(train, ~apart), _only(train, apart)


def _only(matrix: sparse.csr_array, chosen: NDArray[np.bool_]) -> sparse.csr_array:
    """The chosen of the stored entries."""
    starts = np.concatenate([[0], np.cumsum(chosen)])[matrix.indptr].astype(np.int32)
    return sparse.csr_array(
        (matrix.data[chosen], matrix.indices[chosen], starts), shape=matrix.shape
    )
