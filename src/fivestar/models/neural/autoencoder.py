"""AutoRec: an autoencoder that fills in the gaps of a user's or an item's ratings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt, MinLen
from scipy import sparse
from torch import Generator, Tensor, nn
from torch.nn.functional import mse_loss

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.biases import Biases
from fivestar.models.column_adam import Block, ColumnAdam, ColumnWeights
from fivestar.models.factors import Factors
from fivestar.models.minibatch import Minibatches, Network
from fivestar.models.neural.layers import ACTIVATIONS, Activation, glorot, hidden_layers
from fivestar.models.pair_products import pair_products
from fivestar.models.solver import UserRegression, with_ones
from fivestar.models.training import EarlyStopping, History, Training
from fivestar.ratings import Indices, with_values

OF_COLUMNS = "input_weights", "rating_weights", "decoder"
ROWS = 512
"""Rows encoded at a time: their units stay in the processor's cache."""


@dataclass(kw_only=True)
class Autoencoder(Minibatches, Model):
    r"""AutoRec, as a denoising autoencoder that sees each rating in two ways.

    A row of the data holds the n ratings of one item (or one user) in w columns (the users, or
    the items). With g = r - mu, and with the residuals e = g - b_u - b_i of the bias model, for
    its rated columns j

        x_j = s (e_j + o) / sqrt(n),  z_j = s g_j / sqrt(n),  elsewhere 0    inputs
        c = f(... f(x E_1 + z G + a_1) ... E_L + a_L)                        code, (h_L,)
        y_j = c . (v + V_j) + d_j                                            units above mu

    The offset o tells a rating that the bias model predicts exactly from no rating, so that the
    code learns from who rated as well as from how; g tells it how good the item is (or how kind
    the user), which e leaves out. v is what the columns have in common, to
    which those of few ratings are shrunk. Adam minimises the mean of (mu + y_j - r_j)^2 over the
    ratings in a minibatch of rows, plus lambda (sum_l |E_l|^2 + |G|^2 + |V|^2); in training,
    ratings are dropped at random from x, z and n but not from the loss.

    Sedhain, Menon, Sanner and Xie, "AutoRec", WWW 2015; dropping inputs: Vincent, Larochelle,
    Bengio and Manzagol, "Denoising Autoencoders", ICML 2008.

    Parameters
    ----------
    direction
        Whether a row is an item (I-AutoRec) or a user (U-AutoRec).
    hidden, activation
        Units h_1, ..., h_L of the hidden layers, the last of which is the code, and f.
    input_offset, input_scale
        o in units, and s.
    dropout
        Fraction of the ratings that is dropped from the input in training.
    l2
        lambda in units^2; the biases a and d and the vector v are not shrunk.

    Attributes
    ----------
    user_bias, item_bias : (n_users,) and (n_items,) units, of the bias model
    input_weights, rating_weights, input_bias : E_1 and G (w, h_1), and a_1 (h_1,)
    network : E_2, a_2, ..., E_L, a_L, end to end
    decoder, decoder_bias : V (w, h_L) and d (w,)
    decoder_mean : v (h_L,)
    codes : (n_rows, h_L) of the rows of train
    """

    family: ClassVar[str] = "autoencoder"
    version: ClassVar[int] = 2

    direction: Literal["item", "user"] = "item"
    hidden: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)] = (500,)
    activation: Activation = "sigmoid"
    input_offset: float = 2.5
    input_scale: Annotated[float, Gt(0)] = 10.0
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.3
    l2: Annotated[float, Ge(0)] = 1e-3
    learning_rate: Annotated[float, Gt(0)] = 3e-3
    batch_size: Annotated[int, Ge(1)] = 128
    averaging: Annotated[float, Ge(0), Lt(1)] = 0.98
    n_steps: Annotated[int, Ge(0)] = 100
    stopping: EarlyStopping | None = field(default_factory=EarlyStopping)

    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()
    input_weights: FloatArray = learned()
    rating_weights: FloatArray = learned()
    input_bias: FloatArray = learned()
    network: FloatArray = learned()
    decoder: FloatArray = learned()
    decoder_bias: FloatArray = learned()
    decoder_mean: FloatArray = learned()
    codes: FloatArray = learned(parameter=False)

    def _fit(self, training: Training) -> History:
        biases = Biases.of(training.ratings, self.mean[0])
        self.user_bias, self.item_bias = biases.users, biases.items
        above, residuals = self._rows(training.ratings)
        rated = np.flatnonzero(np.diff(above.indptr))
        generator = Generator().manual_seed(self.seed)
        network = self._start(above.shape[1], generator)
        columns = ColumnAdam(
            {name: network.weights.pop(name).detach().numpy().copy() for name in OF_COLUMNS},
            above,
            rated,
            learning_rate=self.learning_rate,
            l2=self.l2,
            averaging=self.averaging,
        )
        shrunk, free = ([w for w in network.parameters() if w.ndim == n] for n in (2, 1))
        groups: list[Any] = [{"params": shrunk, "weight_decay": 2 * self.l2}, {"params": free}]
        adam = torch.optim.Adam(groups, self.learning_rate, fused=True)

        def loss(some: Tensor) -> Tensor:
            block = Block.of(above, rated[some.numpy()])
            given, left = above.data[block.places], residuals[block.places]
            return self._loss(network, columns.columns, block, given, left, generator)

        def refresh() -> None:
            self.codes = self._encode(above, residuals)

        rest = training, generator, refresh, columns
        return self._learn(network, adam, loss, len(rated), *rest)

    def _rows(self, ratings: sparse.csr_array) -> tuple[sparse.csr_array, FloatArray]:
        """Ratings above mu in rows of this direction, and what the bias model leaves of each."""
        of_rows, of_columns = self.user_bias, self.item_bias
        if self.direction == "item":
            ratings, of_rows, of_columns = ratings.T.tocsr(), of_columns, of_rows
        above = with_values(ratings, ratings.data - self.mean[0])
        residuals = above.data - of_columns[above.indices]
        residuals -= np.repeat(of_rows, np.diff(above.indptr))
        return above, residuals

    def _start(self, width: int, generator: Generator) -> Network:
        first, last = self.hidden[0], self.hidden[-1]
        weights = {
            "input_weights": glorot(generator, width, first),
            "rating_weights": glorot(generator, width, first),
            "input_bias": glorot(generator, first),
            "decoder": glorot(generator, width, last),
            "decoder_bias": glorot(generator, width),
            "decoder_mean": glorot(generator, last),
        }
        deeper = hidden_layers(self.hidden, self.activation, generator)
        return Network(weights, nn.Sequential(ACTIVATIONS[self.activation](), *deeper))

    def _loss(
        self,
        network: Network,
        columns: ColumnWeights,
        block: Block,
        above: FloatArray,
        residuals: FloatArray,
        generator: Generator,
    ) -> Tensor:
        """Mean misfit of a minibatch of rows, over the ratings only."""
        drawn = torch.rand(len(above), generator=generator)
        kept = (drawn.numpy()[block.order] >= self.dropout).astype(np.float32)
        weights, ratings = network.weights, torch.from_numpy(above)
        codes = self._code(network, columns, block, above, residuals, kept)
        own = columns.products(block, codes, "decoder")
        common = (codes @ weights["decoder_mean"]).index_select(0, torch.from_numpy(block.rows))
        bias = weights["decoder_bias"].index_select(0, block.columns)
        return self._misfit(network, own + common, bias, ratings)

    def _misfit(self, network: Network, products: Tensor, bias: Tensor, ratings: Tensor) -> Tensor:
        """Mean over ratings of (mu + y - r)^2, by c . (v + V_j), d_j and r - mu."""
        return mse_loss(products + bias, ratings)

    def _encode(self, above: sparse.csr_array, residuals: FloatArray) -> FloatArray:
        """Codes, (n_rows, h_L), of rows of ratings above mu and of residuals."""
        network = self._start(0, Generator()).shared_by(self)
        columns = ColumnWeights({name: getattr(self, name) for name in OF_COLUMNS})
        codes = np.empty((above.shape[0], self.hidden[-1]), dtype=np.float32)
        for start in range(0, len(codes), ROWS):
            rows = np.arange(start, min(start + ROWS, len(codes)))
            block = Block.of(above, rows)
            given, left = above.data[block.places], residuals[block.places]
            everything = np.ones(len(block.rows), dtype=np.float32)
            with torch.no_grad():
                codes[rows] = self._code(network, columns, block, given, left, everything).numpy()
        return codes

    def _code(
        self,
        network: Network,
        columns: ColumnWeights,
        block: Block,
        above: FloatArray,
        residuals: FloatArray,
        kept: FloatArray,
    ) -> Tensor:
        """Codes of a block's rows; ``kept`` is 1 for each rating to use and else 0."""
        counts = np.maximum(np.bincount(block.rows, kept, minlength=block.n_rows), 1)
        scale = kept * (self.input_scale / np.sqrt(counts)).astype(np.float32)[block.rows]
        values = {
            "input_weights": torch.from_numpy(scale * (residuals + np.float32(self.input_offset))),
            "rating_weights": torch.from_numpy(scale * above),
        }
        return network.above(columns.sums(block, values, network.weights["input_bias"]))

    @property
    def _biases(self) -> Biases:
        return Biases(self.mean[0], self.user_bias, self.item_bias)

    def _score(self, users: Indices, items: Indices) -> FloatArray:
        rows, columns = (items, users) if self.direction == "item" else (users, items)
        values: FloatArray = self.mean[0] + self.decoder_bias[columns]
        return values + self._products(rows, columns)

    def _products(self, rows: Indices, columns: Indices) -> FloatArray:
        """The products c . (v + V_j), (n_pairs,)."""
        common: FloatArray = self.codes @ self.decoder_mean
        return common[rows] + pair_products(rows, columns, self.codes, self.decoder)

    def _factors(self) -> Factors:
        """Codes less their mean, and V; the rest goes to the biases of rows and columns."""
        centre = self.codes.mean(0)
        codes = self.codes - centre
        of_rows = codes @ self.decoder_mean
        of_columns = self.decoder_bias + self.decoder @ centre
        constant = float(self.mean[0] + centre @ self.decoder_mean)
        if self.direction == "user":
            return Factors.biased(constant, of_rows, of_columns, codes, self.decoder)
        return Factors.biased(constant, of_columns, of_rows, self.decoder, codes)

    def _users_regression(self, ratings: sparse.csr_array) -> UserRegression | None:
        return self._regression(ratings) if self._explains else None

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        """New rows are encoded; new columns get a decoder row that fits the items' codes.

        What the ratings of new columns would change in the codes is left out.
        """
        self.user_bias = self._biases.fold_in(ratings).users
        if self.direction == "user":
            self.codes = self._encode(*self._rows(ratings))
            return
        self._fold_in_columns(ratings)
        empty = np.zeros((len(self.decoder), self.hidden[0]), dtype=np.float32)
        self.input_weights = self.rating_weights = empty

    def _fold_in_columns(self, ratings: sparse.csr_array) -> None:
        """Set V and d."""
        self.decoder, self.decoder_bias = self._regression(ratings).factors_and_bias()

    def _regression(self, ratings: sparse.csr_array) -> UserRegression:
        """Of the users' V and d on the codes, by sum (mu + y - r)^2 + N lambda |V|^2.

        N is the number of ratings in train, over whose minibatches the loss is a mean. In
        training d is free; here it is shrunk like V, for users of few ratings.
        """
        penalty = np.full((ratings.shape[0], self.hidden[-1] + 1), self.l2 * self.train_size[2])
        base = self.mean[0] + self.codes @ self.decoder_mean
        return UserRegression(ratings, base, with_ones(self.codes), penalty)

    @property
    def _predicts_cold_start(self) -> bool:
        """Whether not by the code of an empty row, which training has never seen."""
        return self.direction == "item"

    _explains = _predicts_cold_start

    def _contributions(self, user: sparse.csr_array, item: int) -> tuple[float, FloatArray]:
        return self._regression(user).contributions(item)
