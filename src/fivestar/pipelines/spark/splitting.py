"""Ids to indices, and ratings to train, validation and test."""

from __future__ import annotations

import hashlib
import logging

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from fivestar.errors import InputError
from fivestar.pipelines.splitting.settings import SplittingSettings
from fivestar.ratings import DescribedSplit, Scale
from fivestar.spark.tables import numbered, random_order, uniform

logger = logging.getLogger(__name__)

COLUMNS = ("user", "item", "rating", "user_index", "item_index")
MAX_INDICES = 1 << 31
"""Spark's ALS has no room for more users or items."""


def index_ids(ratings: DataFrame, *, column: str) -> DataFrame:
    """The ids of a column in alphabetical order, each with its index from 0 on, int32."""
    index = f"{column}_index"
    ids = numbered(ratings.select(column).distinct(), [column], index)
    if ids.count() > MAX_INDICES:
        raise InputError(f"more than {MAX_INDICES:,} different {column}s: Spark's ALS takes none.")
    return ids.withColumn(index, F.col(index).cast("int"))


def split(
    ratings: DataFrame, user_index: DataFrame, item_index: DataFrame, settings: SplittingSettings
) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Train, validation and test, of every item the same shares.

    Each item's ratings are ordered by a hash of the seed and the pair: the first ones are the
    test part, the next ones validation, and at least one is left for train. The same seed so
    gives the same parts whatever the partitions and the order of the rows.

    Returns
    -------
    train, validation
        ``user``, ``item``, ``rating``, ``user_index``, ``item_index``.
    test
        Also ``id``, from 0 on in the order of users and items.
    """
    if settings.method != "stratified" or settings.half_life_days is not None:
        raise InputError(
            "splitting: Spark splits by item, and its ratings do not age. Set `method: stratified` "
            "and `half_life_days: null`."
        )
    indexed = ratings.join(user_index.hint("shuffle_hash"), "user").join(
        item_index.hint("shuffle_hash"), "item"
    )
    parts = indexed.select(*COLUMNS, part_of(settings).alias("part"))
    parts = parts.persist(StorageLevel.MEMORY_AND_DISK)
    sizes = dict(parts.groupBy("part").count().collect())
    for name in ("train", "validation", "test"):
        if name not in sizes:
            raise InputError(
                f"the {name} split of {sum(sizes.values()):,} ratings would be empty: set larger "
                "shares, or bring more ratings."
            )
    logger.info(
        "splitting: %s train, %s validation, %s test ratings",
        *(f"{sizes[name]:,}" for name in ("train", "validation", "test")),
    )
    train, validation, test = (
        parts.filter(F.col("part") == name).drop("part") for name in ("train", "validation", "test")
    )
    return train, validation, numbered(test, ["user", "item"], "id").select("id", *COLUMNS)


def part_of(settings: SplittingSettings) -> Column:
    """``train``, ``validation`` or ``test``, decided among the ratings of the same item.

    Of n ratings, n times the share are held out, rounded up or down by a hash of the item so
    that the shares are right on average, for rare items too.
    """
    of_item = Window.partitionBy("item")
    rank = F.row_number().over(of_item.orderBy(random_order(settings.seed, "user", "item"), "user"))
    n = F.count("*").over(of_item)
    n_test = _rounded(settings.test_share * n, settings.seed, "test", n - 1)
    left = n - n_test
    n_validation = _rounded(settings.validation_share * left, settings.seed, "validation", left - 1)
    held_out = F.when(rank <= n_test, "test").when(rank <= n_test + n_validation, "validation")
    return held_out.otherwise("train")


def describe(
    train: DataFrame,
    validation: DataFrame,
    user_index: DataFrame,
    item_index: DataFrame,
    scale: Scale,
) -> DescribedSplit:
    """Sizes, and fingerprints that any change of a rating, an id or the scale changes."""
    parts = [_hash_of(part, "user", "item", "rating") for part in (train, validation)]
    ids = [_hash_of(user_index, "user", "user_index"), _hash_of(item_index, "item", "item_index")]
    vocabulary = _digest(ids)
    fingerprint = _digest([scale.lowest, scale.highest, vocabulary, parts])
    sizes = {"train": parts[0][0], "validation": parts[1][0]}
    return DescribedSplit("", fingerprint, vocabulary, sizes)


def _rounded(expected: Column, seed: int, purpose: str, at_most: Column) -> Column:
    up = expected + uniform(seed, F.lit(purpose), F.col("item"))
    return F.least(F.floor(up), at_most)


def _hash_of(table: DataFrame, *columns: str) -> tuple[int, int]:
    """Number of rows, and a hash that does not depend on their order."""
    n, rows = table.agg(F.count("*"), F.bit_xor(F.xxhash64(*columns))).first()
    return n, rows


def _digest(value: object) -> str:
    return hashlib.blake2b(repr(value).encode(), digest_size=16).hexdigest()
