"""The page to try a model: milliseconds from a rating to new predictions, in a real browser.

    python benchmarks/try_page.py [--items 10000] [--factors 60]

ALS is fitted for two sweeps to random ratings, and its page opened in Chromium. Timed is, for
random users of so many ratings, all that follows when one of them changes: the solution, the
predictions of all items, the ten best, what each own rating adds to these, and the next question;
then the same with what the page shows. The least time is the one to read where the machine has
other work to do.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

sys.path.insert(0, str(Path(__file__).parents[1]))

from fivestar.models import build
from fivestar.pipelines.try_page.nodes import make_contents, write_page
from fivestar.pipelines.try_page.settings import TryPageSettings
from fivestar.ratings import Features, Scale, TrainingData, Vocabulary, csr_matrix, item_table
from tests.browser import browser_page

N_USERS, PER_ITEM = 2000, 30
COUNTS = (1, 10, 50, 200)
TIMED = """([n, repeats, shown]) => {
  const random = seed => () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const next = random(n + 1), spent = [];
  const some = () => [Math.floor(next() * contents.titles.length), 1 + Math.floor(5 * next())];
  for (let at = 0; at < repeats; at++) {
    ratings.clear();
    guesses.clear();
    while (ratings.size < n) ratings.set(...some());
    for (const item of ratings.keys()) guesses.set(item, 3);
    update("");
    const [item] = ratings.keys();  // one rating of them changes
    document.body.offsetHeight;
    const start = performance.now();
    ratings.set(item, 1 + Math.floor(5 * next()));
    if (shown) update(""); else consequences();
    if (shown) document.body.offsetHeight;  // which lays it out
    spent.push(performance.now() - start);
  }
  return spent;
}"""
REPEATS = 25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--factors", type=int, default=60)
    asked = parser.parse_args()
    html = make_page(asked.items, asked.factors)
    print(f"{asked.items:,} items x {asked.factors} factors: {len(html) / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory() as folder, browser_page() as visit:
        path = Path(folder) / "try.html"
        path.write_text(html, encoding="utf-8")
        start = time.perf_counter()
        visit.page.goto(path.as_uri())
        print(f"opened in {1000 * (time.perf_counter() - start):.0f} ms")
        assert visit.errors == []
        print("| ratings | computed, ms: least | median | with the display: least | median |")
        print("|---|---|---|---|---|")
        for n in COUNTS:
            computed, shown = (
                visit.page.evaluate(TIMED, [n, REPEATS, display]) for display in (False, True)
            )
            print(
                f"| {n} | {np.min(computed):.1f} | {np.median(computed):.1f} "
                f"| {np.min(shown):.1f} | {np.median(shown):.1f} |"
            )


def make_page(n_items: int, n_factors: int) -> str:
    """Of random ratings."""
    random = np.random.default_rng(0)
    shape, n = (N_USERS, n_items), PER_ITEM * n_items
    users, items = random.integers(0, N_USERS, n), random.integers(0, n_items, n)
    drawn = pd.DataFrame({"user": users, "item": items}).drop_duplicates()
    users, items = drawn["user"].to_numpy(), drawn["item"].to_numpy()
    train = csr_matrix(users, items, random.integers(1, 6, len(users)).astype(float), shape)
    vocabulary = Vocabulary(*(pd.Index([f"{at}" for at in range(size)]) for size in shape))
    none = Features(*(sparse.csr_array((size, 0)) for size in shape))
    data = TrainingData(train, sparse.csr_array(shape), vocabulary, none, Scale(1, 5), "random")
    titles = [f"Title {at} of a usual length" for at in range(n_items)]
    table = pd.DataFrame({"item": vocabulary.items, "title": titles})
    settings = {"family": "als", "n_factors": n_factors, "n_steps": 2, "init_scale": 0.3}
    model = build({**settings, "regularization": 0.1, "stopping": None})
    model.fit(train, scale=data.scale)
    board = pd.DataFrame({"model": ["als"], "validation_rmse": [np.nan]})
    limits = TryPageSettings(n_items=n_items, min_ratings=0)
    return write_page(make_contents("als", model, board, data, item_table(table, data), limits))


if __name__ == "__main__":
    main()
