"""AutoRec: an autoencoder that fills in the gaps of a user's or an item's ratings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt, MinLen
from scipy import sparse
from torch import Tensor

from fivestar.models.base import FloatArray, Model, learned
from fivestar.models.biases import Biases
from fivestar.models.factors import Factors
from fivestar.models.linear import with_ones
from fivestar.models.minibatch import MovingAverage
from fivestar.models.neural.layers import ACTIVATIONS, Activation, cut
from fivestar.models.solvers.ridge import PeopleRegression
from fivestar.models.sparse_products import SparseRows, dot_products_at, sparse_times_dense
from fivestar.models.training import History, Steps, Training
from fivestar.ratings import Positions, csr_matrix, observed

ROWS = 4096
"""Rows encoded at a time once weights are set: bounds the memory of wide first layers."""
PAIRS = 256
"""Pairs scored at a time: their codes and decoder rows stay in the processor's cache."""


@dataclass(kw_only=True)
class Autoencoder(Steps, Model):
    r"""AutoRec on what the bias model leaves over, as a denoising autoencoder.

    A row of the data holds the residuals e = r - mu - b_u - b_i of the n ratings of one item
    (or one user) in w columns (the users, or the items). For its rated columns j

        x_j = s (e_j + o) / sqrt(n), elsewhere x_j = 0    input
        c = f(... f(x E_1 + a_1) ... E_L + a_L)           code, (h_L,)
        y_j = c . V_j + d_j                               stars above mu + b_u + b_i

    The offset o tells a rating that the bias model predicts exactly from no rating: as in the
    paper, whose input are the ratings themselves, the code thus learns from who rated as well
    as from how. Adam minimises the mean of (y_j - e_j)^2 over the ratings in a minibatch of
    rows, plus lambda (sum_l |E_l|^2 + |V|^2); in training, ratings are dropped at random from
    x and n but not from the loss. The weights kept are an exponential moving average over
    Adam's updates (Polyak and Juditsky 1992); it takes the place of a falling learning rate
    and, unlike that, does not depend on ``n_steps``.

    Sedhain, Menon, Sanner and Xie, "AutoRec", WWW 2015; dropping inputs: Vincent, Larochelle,
    Bengio and Manzagol, "Denoising Autoencoders", ICML 2008.

    Parameters
    ----------
    direction
        Whether a row is an item (I-AutoRec) or a user (U-AutoRec).
    hidden
        Units h_1, ..., h_L of the hidden layers; the last one is the code.
    activation
        f.
    input_offset, input_scale
        o in stars, and s.
    dropout
        Share of the ratings that is dropped from the input in training.
    l2
        lambda in stars^2; the biases a and d are not shrunk.
    learning_rate, batch_size
        Adam's, and the rows in a minibatch.
    averaging
        Decay of the moving average at an update; 0 keeps Adam's last weights.

    Attributes
    ----------
    user_bias, item_bias : (n_users,) and (n_items,) stars, of the bias model
    network : (p,) E_1 (w, h_1), a_1 (h_1,), ..., E_L, a_L, V (w, h_L) and d (w,), end to end
    codes : (n_rows, h_L) of the rows of train
    """

    family: ClassVar[str] = "autoencoder"

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

    user_bias: FloatArray = learned()
    item_bias: FloatArray = learned()
    network: FloatArray = learned()
    codes: FloatArray = learned(parameter=False)

    # -- training

    def _fit(self, training: Training) -> History:
        train = training.ratings
        biases = Biases.of(train, self.mean[0])
        self.user_bias, self.item_bias = biases.users, biases.items
        rows = self.rows_of(train)
        generator = torch.Generator().manual_seed(self.seed)
        self.network = self._initial_network(generator)
        trainer = _Trainer(self, rows, generator)

        def refresh() -> None:
            self.codes = self.encode(rows)

        return training.run(trainer.epoch, [self.network], self, refresh=refresh)

    def rows_of(self, ratings: sparse.csr_array) -> sparse.csr_array:
        """Residuals of ratings, users x items, with a row for each input of the network."""
        users, items, stars = observed(ratings)
        residuals = stars - self._biases(users, items)
        if self.direction == "item":
            return csr_matrix(items, users, residuals, ratings.shape[::-1])
        return csr_matrix(users, items, residuals, ratings.shape)

    def _initial_network(self, generator: torch.Generator) -> FloatArray:
        """Weights uniform with variance 2 / (inputs + outputs) (Glorot and Bengio 2010)."""
        parts = []
        for shape in self._shapes:
            bound = math.sqrt(6 / sum(shape)) if len(shape) == 2 else 0.0
            parts.append(bound * (2 * torch.rand(math.prod(shape), generator=generator) - 1))
        return torch.cat(parts).numpy()

    # -- the network

    @property
    def _shapes(self) -> list[tuple[int, ...]]:
        """Of E_1, a_1, ..., E_L, a_L, V, d."""
        width = self.n_users if self.direction == "item" else self.n_items
        layers = pairwise((width, *self.hidden))
        encoder = [shape for fans in layers for shape in (fans, fans[1:])]
        return [*encoder, (width, self.hidden[-1]), (width,)]

    def encode(self, rows: sparse.csr_array) -> FloatArray:
        """Codes, (n_rows, h_L), of sparse rows of residuals; dropout is off."""
        network = _Network(self, torch.from_numpy(self.network))
        starts = range(0, rows.shape[0], ROWS)
        with torch.no_grad():
            codes = [network.code(SparseRows(rows[start : start + ROWS])) for start in starts]
        return torch.cat(codes).numpy()

    @property
    def _biases(self) -> Biases:
        return Biases(self.mean[0], self.user_bias, self.item_bias)

    def _score(self, users: Positions, items: Positions) -> FloatArray:
        rows, columns = (items, users) if self.direction == "item" else (users, items)
        decoder, bias = cut(self.network, self._shapes)[-2:]
        stars: FloatArray = self._biases(users, items) + bias[columns]
        for start in range(0, len(rows), PAIRS):
            pairs = slice(start, start + PAIRS)
            stars[pairs] += np.einsum("pk,pk->p", self.codes[rows[pairs]], decoder[columns[pairs]])
        return stars

    # -- new people

    def _fold_in(self, ratings: sparse.csr_array, features: sparse.csr_array | None) -> None:
        """New rows are encoded; new columns get a decoder row that fits the items' codes.

        In the second case what the people's ratings would change in the codes is left out.
        """
        biases = self._biases.fold_in(ratings)
        self.user_bias, residuals = biases.users, biases.residuals(ratings)
        if self.direction == "user":
            self.codes = self.encode(residuals)
            return
        decoder, bias = np.split(self._regression(residuals).solve(), [-1], axis=1)
        inputs = np.zeros((len(decoder), self.hidden[0]), dtype=np.float32)
        # The network still has the former users' weights, at its start and at its end.
        n_between = sum(map(math.prod, self._shapes[1:-2]))
        n_users = (len(self.network) - n_between) // (self.hidden[0] + self.hidden[-1] + 1)
        between = self.network[n_users * self.hidden[0] :][:n_between]
        parts = (inputs, between, decoder, bias)
        self.network = np.concatenate([part.ravel() for part in parts])

    def _regression(self, residuals: sparse.csr_array) -> PeopleRegression:
        """Of the people's V and d on the codes.

        The loss's mean is over the ratings of a minibatch, so that over all N ratings of train
        it is sum (y - e)^2 + N lambda |V|^2. In training d is free, which would let a person
        of few ratings follow them: here it is shrunk like V.
        """
        penalty = np.full((residuals.shape[0], self.hidden[-1] + 1), self.l2 * self.train_size[2])
        return PeopleRegression(residuals, with_ones(self.codes), penalty)

    @property
    def _predicts_for_strangers(self) -> bool:
        """Whether not by the code of an empty row, which training has never seen."""
        return self.direction == "item"

    @property
    def _explains(self) -> bool:
        return self.direction == "item"

    def _contributions(self, person: sparse.csr_array, item: int) -> tuple[float, FloatArray]:
        influence = self._regression(person).influence(item)
        return self._biases.contributions(person, item, influence)

    def _factors(self) -> Factors:
        """Codes of the rows and the decoder's vectors of the columns.

        The activations of a code may all be positive: what all codes have in common sets none
        apart, and goes to the biases of the columns.
        """
        decoder, shift = cut(self.network, self._shapes)[-2:]
        common = self.codes.mean(0)
        codes, shift = self.codes - common, shift + decoder @ common
        if self.direction == "item":
            own = {"items": codes, "users": decoder}
            biases = {"item_bias": self.item_bias, "user_bias": self.user_bias + shift}
        else:
            own = {"items": decoder, "users": codes}
            biases = {"item_bias": self.item_bias + shift, "user_bias": self.user_bias}
        return Factors(**own, **biases, constant=float(self.mean[0]), exact=True)


class _Network:
    """The layers of a model on a flat tensor of weights, whose memory they share."""

    def __init__(self, model: Autoencoder, flat: Tensor) -> None:
        self.model = model
        self.weights: list[Tensor] = cut(flat, model._shapes)
        *self.encoder, self.decoder, self.bias = self.weights

    def code(self, block: SparseRows, kept: Tensor | None = None) -> Tensor:
        """Codes of the rows; ``kept`` holds a one for each rating to use and else zeros."""
        activation = ACTIVATIONS[self.model.activation]
        weight, bias, *deeper = self.encoder
        inputs = self.inputs(block, torch.ones_like(block.values) if kept is None else kept)
        units = activation(sparse_times_dense(block, inputs, weight) + bias)
        for weight, bias in zip(deeper[::2], deeper[1::2], strict=True):
            units = activation(units @ weight + bias)
        return units

    def inputs(self, block: SparseRows, kept: Tensor) -> Tensor:
        """The entries of x."""
        counts = torch.bincount(block.rows, kept, minlength=block.shape[0]).clamp_(min=1)
        scale = self.model.input_scale * counts.rsqrt().float()
        return (block.values + self.model.input_offset) * kept * scale.index_select(0, block.rows)

    def errors(self, block: SparseRows, code: Tensor) -> Tensor:
        """Reconstruction less rating, for the ratings only."""
        bias = self.bias.index_select(0, block.columns)
        return dot_products_at(block, code, self.decoder) + bias - block.values


class _Trainer:
    """Adam, and the moving average of its iterates in the array that the model keeps."""

    def __init__(
        self, model: Autoencoder, rows: sparse.csr_array, generator: torch.Generator
    ) -> None:
        self.model, self.generator = model, generator
        self.rows = rows[np.flatnonzero(np.diff(rows.indptr))]
        average = torch.from_numpy(model.network)
        iterate = average.clone()
        self.network = _Network(model, iterate)
        weights = [part.requires_grad_() for part in self.network.weights]
        groups: list[dict[str, Any]] = [
            {"params": weights[::2], "weight_decay": 2 * model.l2},
            {"params": weights[1::2]},
        ]
        self.adam = torch.optim.Adam(groups, lr=model.learning_rate, fused=True)
        self.average = MovingAverage([average], [iterate], model.averaging)

    def epoch(self) -> None:
        """Go once through the rows that have ratings."""
        order = torch.randperm(self.rows.shape[0], generator=self.generator).numpy()
        for start in range(0, len(order), self.model.batch_size):
            self.update(SparseRows(self.rows[order[start : start + self.model.batch_size]]))

    def update(self, block: SparseRows) -> None:
        self.adam.zero_grad()
        chance = torch.rand(block.values.shape, generator=self.generator)
        code = self.network.code(block, (chance >= self.model.dropout).float())
        torch.autograd.backward(self.network.errors(block, code).square().mean())
        self.adam.step()
        self.average.update()
