"""Numbers for rows, and random numbers that no partitioning changes."""

from __future__ import annotations

from itertools import accumulate

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

ROW_BITS = 33
"""``monotonically_increasing_id`` is the partition's number times 2^33, plus the row's in it."""
RESOLUTION = 1 << 31
"""Different values that ``uniform`` has."""


def numbered(table: DataFrame, order: list[str], name: str) -> DataFrame:
    """The rows in the order of these columns, with their number from 0 on as a new column.

    The rows are sorted and counted where they lie; one count a partition reaches the driver.
    """
    rows = table.orderBy(*order).persist()
    partition = F.spark_partition_id()
    counts = dict(rows.groupBy(partition.alias("partition")).count().collect())
    sizes = [counts.get(n, 0) for n in range(max(counts, default=0) + 1)]
    starts = F.array(*(F.lit(start) for start in accumulate(sizes[:-1], initial=0)))
    in_partition = F.monotonically_increasing_id() - F.shiftleft(partition.cast("long"), ROW_BITS)
    return rows.withColumn(name, F.element_at(starts, partition + 1).cast("long") + in_partition)


def random_order(seed: int, *columns: str) -> Column:
    """A 64-bit hash of the seed and the columns: the same wherever a row lies."""
    return F.xxhash64(F.lit(seed), *columns)


def uniform(seed: int, *columns: str) -> Column:
    """A number of [0, 1) in place of a random one, from that hash."""
    return F.pmod(random_order(seed, *columns), F.lit(RESOLUTION)) / RESOLUTION
