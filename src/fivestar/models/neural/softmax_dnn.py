"""A user's liked items in, a softmax over all items out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Lt, MinLen
from numpy.typing import NDArray
from scipy import sparse
from torch import Generator, Tensor, nn

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.biases import Biases
from fivestar.models.factors import Factors
from fivestar.models.minibatch import Minibatches, Network
from fivestar.models.neural.layers import Activation, glorot, hidden_layers, linear
from fivestar.models.sparse_products import SparseRows, dot_products_at, sparse_times_dense
from fivestar.models.training import EarlyStopping, History, Training
from fivestar.ratings import csr_matrix, observed

CALIBRATION_FRACTION = 0.1
"""Fraction of the ratings that only the calibration learns from."""
MIN_RATINGS = 20
"""Ratings to calibrate on; with fewer the prediction is the bias model's."""


@dataclass(kw_only=True)
class SoftmaxDNN(Minibatches, Model):
    r"""Softmax deep neural network: which item a user likes next, by the items liked so far.

    L_u are the items that user u rated at least ``liked_from`` of the way up the scale. Then

        x_u = |L_u|^(-1/2) sum_{j in L_u} e_j                 input, (embedding_size,)
        c_u = MLP(tanh(x_u))                                  code, (hidden_last,)
        z_ui = c_u . v_i + d_i,  P(i | u) = exp(z_ui) / sum_j exp(z_uj)

    Training holds a random fraction of a user's likes back from x_u; AdamW maximises the mean
    of log P over those. With ``n_sampled`` = S the sum over all m items j is estimated by
    exp(z_ui) + (m - 1)/S sum over S random items, the same for all users of a minibatch.

    A rating is predicted by least squares, r_ui ~ w . (1, mu + b_u + b_i, z_ui - mean of z_u),
    b being the bias model. The w are found on a tenth of the ratings that neither network nor
    biases have seen: of a rating they have learned from, z would tell whether it was a like.

    Covington, Adams, Sargin, "Deep Neural Networks for YouTube Recommendations", RecSys 2016;
    Google's course on recommendation systems, "Softmax model".

    Parameters
    ----------
    liked_from
        0 is the lowest rating, 1 the highest: 0.75 is 4 on a scale of 1 to 5.
    embedding_size, hidden
        Length of e, and units of the layers after it; the last one's are the code.
    activation, batch_norm
        Of all but the last layer.
    held_back, n_sampled
        Fraction of the likes to predict from the others, and S; None uses all items.
    weight_decay
        Of AdamW: the fraction of every weight that an update takes off, as a multiple of the rate.

    Attributes
    ----------
    user_bias, item_bias : (n_users,) and (n_items,) units, of the bias model
    input_embeddings, output_embeddings : e (n_items, embedding_size), v (n_items, hidden_last)
    output_bias : d (n_items,)
    network, statistics : see ``Network``
    codes : c (n_users, hidden_last)
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

    def _fit(self, training: Training) -> History:
        train = training.ratings
        order = np.random.default_rng(self.seed).permutation(train.nnz)
        apart = order < int(CALIBRATION_FRACTION * train.nnz)
        learning, unseen = _only(train, ~apart), _only(train, apart)
        biases, of_learning = (Biases.of(each, self.mean[0]) for each in (train, learning))
        self.user_bias, self.item_bias = biases.users, biases.items
        generator = Generator().manual_seed(self.seed)
        network = self._start(train.shape[1], generator)
        adamw = torch.optim.AdamW(
            network.parameters(), self.learning_rate, weight_decay=self.weight_decay, fused=True
        )
        likes = self._likes(learning)
        likes = likes[np.flatnonzero(np.diff(likes.indptr))]

        def loss(users: Tensor) -> Tensor:
            return self._loss(network, likes[users.numpy()], generator)

        def refresh() -> None:
            _, weights, by_logits = np.eye(3, dtype=np.float32)
            if unseen.nnz >= MIN_RATINGS:
                users, items, values = observed(unseen)
                self.codes, self.calibration = self._codes_of(learning), by_logits
                above = self._factors().of_pairs(users, items)
                terms = np.stack([np.ones_like(above), of_learning(users, items), above], 1)
                weights = np.linalg.lstsq(terms, values)[0].astype(np.float32)
            self.codes, self.calibration = self._codes_of(train), weights

        return self._learn(network, adamw, loss, likes.shape[0], training, generator, refresh)

    def _start(self, n_items: int, generator: Generator) -> Network:
        *sizes, n_codes = self.embedding_size, *self.hidden
        ends = sizes[0], n_codes
        inputs, outputs = (torch.randn(n_items, size, generator=generator) for size in ends)
        weights = {
            "input_embeddings": sizes[0] ** -0.5 * inputs,
            "output_embeddings": 0.1 * n_codes**-0.5 * outputs,
            "output_bias": torch.zeros(n_items),
        }
        hidden = hidden_layers(sizes, self.activation, generator, self.batch_norm)
        output = linear(glorot(generator, sizes[-1], n_codes))
        return Network(weights, nn.Sequential(*hidden, output))

    def _loss(self, network: Network, likes: sparse.csr_array, generator: Generator) -> Tensor:
        """Mean of -log P over a random fraction of the likes, given the others."""
        held = torch.rand(likes.nnz, generator=generator).numpy() < self.held_back
        codes, asked = self._code(network, _only(likes, ~held)), SparseRows(_only(likes, held))
        outputs, bias = network.weights["output_embeddings"], network.weights["output_bias"]
        own = dot_products_at(asked, codes, outputs) + bias.index_select(0, asked.columns)
        if self.n_sampled is not None:
            drawn = torch.randint(len(bias), (self.n_sampled,), generator=generator)
            outputs, bias = outputs[drawn], bias[drawn]
        total = torch.logsumexp(torch.addmm(bias, codes, outputs.T), 1)
        total = total.index_select(0, asked.rows)
        if self.n_sampled is not None:
            others = max(likes.shape[1] - 1, 1) / self.n_sampled
            total = torch.logaddexp(total + math.log(others), own)
        loss: Tensor = (total - own).sum() / max(len(own), 1)
        return loss

    def _likes(self, ratings: sparse.csr_array) -> sparse.csr_array:
        lowest, highest = self._ends
        return _only(ratings, ratings.data >= lowest + self.liked_from * (highest - lowest))

    def _code(self, network: Network, likes: sparse.csr_array) -> Tensor:
        """Codes, (n_rows, hidden_last), of rows of likes."""
        rows = SparseRows(likes)
        counts = rows.offsets.diff().clamp(min=1).to(torch.float32)
        values = counts.rsqrt().index_select(0, rows.rows)
        units = sparse_times_dense(rows, values, network.weights["input_embeddings"])
        return network.above(torch.tanh(units))

    def _codes_of(self, ratings: sparse.csr_array) -> FloatArray:
        network = self._start(0, Generator()).shared_by(self)
        with torch.no_grad():
            codes: FloatArray = self._code(network, self._likes(ratings)).numpy()
        return codes

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        self.user_bias = self._biases.fold_in(ratings).users
        self.codes = self._codes_of(ratings)

    @property
    def _biases(self) -> Biases:
        return Biases(self.mean[0], self.user_bias, self.item_bias)

    def _factors(self) -> Factors:
        constant, of_biases, of_logit = self.calibration
        return Factors.biased(
            constant + of_biases * self.mean[0],
            of_biases * self.user_bias,
            of_biases * self.item_bias + of_logit * (self.output_bias - self.output_bias.mean()),
            of_logit * self.codes,
            self.output_embeddings - self.output_embeddings.mean(0),
        )


def _only(matrix: sparse.csr_array, chosen: NDArray[np.bool_]) -> sparse.csr_array:
    """The chosen of the stored entries."""
    users, items, values = observed(matrix)
    return csr_matrix(users[chosen], items[chosen], values[chosen], matrix.shape)
