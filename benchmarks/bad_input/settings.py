"""Parameters of every stage, and the YAML files that hold them."""

from __future__ import annotations

from benchmarks.bad_input.case import RUN, Case, append, both, change, delete, write

PARAMETERS = "conf/mine/parameters.yml"
CATALOG = "conf/mine/catalog.yml"


def param(setting: str, value: str, what: str, fix: str = "", *, pipelines: str = "") -> Case:
    """A setting of the demo given on the command line."""
    command = "run" + (f" --pipelines {pipelines}" if pipelines else "")
    return Case(f"{setting}={value}", f"{command} --params '{setting}={value}'", setting, what, fix)


def block(wrong: str, text: str, where: str, what: str, fix: str, command: str = RUN) -> Case:
    """Lines more in an environment's parameters."""
    return Case(wrong, command, where, what, fix, append(PARAMETERS, text))


OF_STAGES = [
    param("scale.lowest", "5", "lowest (5) must lie below highest (5)"),
    param("scale.lowest", "one", "valid number"),
    param("scale.highest", "nan", ""),
    param("scale.highest", "inf", ""),
    param("ingestion.duplicates", "first", "'error', 'last' or 'mean'"),
    param("ingestion.k_core", "-1", "greater than or equal to 0"),
    param("ingestion.k_core", "few", "valid integer"),
    param("ingestion.kcore", "5", "unknown", "Did you mean 'k_core'?"),
    param("ingestion.columns.rating", "null", ""),
    param("ingestion.columns.stars", "rating", "unknown"),
    param("splitting.method", "randomly", "'stratified', 'random', 'time' or 'per_user'"),
    param("splitting.test_share", "0", "greater than 0"),
    param("splitting.test_share", "1.5", "less than 1"),
    param("splitting.test_share", "nan", ""),
    param("splitting.test_share", "a tenth", "valid number"),
    param("splitting.validation_share", "-0.2", "greater than 0"),
    param("splitting.seed", "-1", "greater than or equal to 0"),
    param("splitting.seed", "0.5", "valid integer"),
    param("splitting.half_life_days", "-3", "greater than 0"),
    Case(
        "splitting by time without times",
        f"{RUN} --params splitting.method=time",
        "splitting",
        "needs timestamps",
        "name their column in `ingestion.columns.timestamp`",
    ),
    Case(
        "age counts, and there are no times",
        f"{RUN} --params splitting.half_life_days=100",
        "splitting.half_life_days",
        "needs timestamps",
        "name their column in `ingestion.columns.timestamp`",
    ),
    param("evaluation.confidence", "95", "less than 1"),
    param("evaluation.n_resamples", "10", "greater than or equal to 999"),
    param("submission.rating", "null", ""),
    param("submission.name", "x", "unknown"),
    param("threads_per_node", "-2", ""),
    param("threads_per_node", "all", ""),
    param("max_minutes", "-1", ""),
    param("max_minutes", "soon", ""),
    param("refit", "perhaps", ""),
    param("engine", "polars", "", "pandas"),
    param("wait", "perhaps", ""),
    param("fold", "2", "the environment demo has no folds", "--env ml-100k"),
    Case(
        "a fold that does not exist",
        "run --env ml-100k --params fold=9",
        "data/01_raw/ml-100k/u9.base",
        "no such file",
        "",
    ),
    Case(
        "a fold that is a path",
        "run --env ml-100k --params fold=../demo",
        "fold",
        "'../demo' is no fold's name",
        "Write --params fold=1",
    ),
    param("spliting.seed", "7", "", "Did you mean 'splitting'?"),
]

OF_MODELS = [
    param("line_up", "alz", ""),
    block(
        "a misspelt model in the line-up",
        "\nline_up: [bias, alz]\n",
        "line_up",
        "alz",
        "Did you mean 'als'?",
        RUN,
    ),
    block("an empty line-up", "\nline_up: []\n", "line_up", "", ""),
    block("a model twice in the line-up", "\nline_up: [als, als]\n", "line_up", "", ""),
    block("a model's block without a family", "\n", "", "", ""),
    param("models.als.n_factors", "0", "greater than or equal to 1"),
    param("models.als.n_factors", "-4", "greater than or equal to 1"),
    param("models.als.n_factors", "1.5", ""),
    param("models.als.n_factors", "nan", ""),
    param("models.als.n_factors", "many", "valid integer"),
    param("models.als.regularization", "-1", ""),
    param("models.als.regularization", "nan", ""),
    param("models.als.regularization", "inf", ""),
    param("models.als.n_factor", "8", "unknown setting 'n_factor'", "Did you mean 'n_factors'?"),
    param("models.als.family", "alz", "unknown family 'alz'", "choose one of"),
    param("models.als", "8", ""),
    param("models.bias.user_regularization", "lots", ""),
]
OF_MODELS = [case for case in OF_MODELS if case.wrong != "a model's block without a family"]

OF_QUESTIONS = [
    param("model", "alz", "'alz' is not trained", "Did you mean 'als'?", pipelines="recommendation"),
    param("model", "svd", "'svd' is not trained", "zoo", pipelines="recommendation"),
    param("recommendation.n", "0", "greater than or equal to 1", pipelines="recommendation"),
    param("recommendation.coverage", "2", "less than 1", pipelines="recommendation"),
    param("recommendation.users", "nobody", "", pipelines="recommendation"),
    param("recommendation.new_user", "Film 1", "", pipelines="recommendation"),
    param("recommendation.new_user", "Filem 1=9", "", pipelines="recommendation"),
    param("recommendation.new_user", "Zzzzzzz=3", "", pipelines="recommendation"),
    param("recommendation.ranking.beside", "[nothing]", "", pipelines="recommendation"),
    param("new_users_file", "nowhere.csv", "", pipelines="recommendation"),
    Case(
        "new users without ratings",
        "run --pipelines recommendation --params new_users_file=new.csv",
        "new.csv",
        "no rating in 1 rows",
        "Fill in one or more",
        write("new.csv", "title,rating\nFilm 1,\n"),
    ),
    Case(
        "new users' file without its columns",
        "run --pipelines recommendation --params new_users_file=new.csv",
        "new.csv",
        "no column 'title'",
        "Write columns title",
        write("new.csv", "film,stars\nFilm 1,4\n"),
    ),
    param("inspection.map", "umap", "", pipelines="inspection"),
    param("inspection.perplexity", "-1", "greater than 0", pipelines="inspection"),
    param("inspection.items", "Zzzzzzz", "", pipelines="inspection"),
    param("inspection.reference", "alz", "", pipelines="inspection"),
    param("cold_start.models", "alz", "", pipelines="cold_start"),
    param("cold_start.strategy", "ask_me", "", pipelines="cold_start"),
    param("cold_start.n_answers", "50", "min_ratings", "fewer n_answers", pipelines="cold_start"),
    param("colikes.rank", "0", "greater than or equal to 1", pipelines="colikes"),
    param("colikes.because_you_like", "Zzzzzzz", "", pipelines="colikes"),
    param("exploration.n_users", "0", "greater than or equal to 1", pipelines="exploration"),
    param("report.users", "nobody", "", pipelines="report"),
    param("cross_validation.folds", "some", "", pipelines="cross_validation"),
    param("cross_validation.n_folds", "1", "", pipelines="cross_validation"),
    param("cross_validation.n_folds", "100000", "", pipelines="cross_validation"),
    param("cross_validation.models", "alz", "", pipelines="cross_validation"),
    param("cross_validation.folds", "published", "", pipelines="cross_validation"),
    param("tuning.model", "alz", "", pipelines="tuning"),
    param("tuning.n_trials", "0", "greater than or equal to 1", pipelines="tuning"),
    param("tuning.workers", "-1", "greater than or equal to 1", pipelines="tuning"),
    param("tuning.objective", "test", "", pipelines="tuning"),
    param("tuning.spaces.als.n_factor", "[1]", "", pipelines="tuning"),
    param("ablation.base", "alz", "", pipelines="ablation"),
    param("ablation.variants.unchanged.n_factor", "3", "", pipelines="ablation"),
]

YAML = [
    block("a bracket that is not closed", "\nsplitting: {seed: 7\n", PARAMETERS, "", ""),
    block("a tab for indentation", "\nsplitting:\n\tseed: 7\n", PARAMETERS, "", ""),
    block("a key twice in one file", "\nline_up: [bias]\n", PARAMETERS, "", ""),
    Case(
        "a key in two files of an environment",
        RUN,
        "conf/mine",
        "",
        "",
        write("conf/mine/parameters_more.yml", "submission: {id: number, rating: stars}\n"),
    ),
    block("a number in place of a section", "\nsplitting: 7\n", "splitting", "", ""),
    block("a list in place of a section", "\nscale: [1, 5]\n", "scale", "", ""),
    block("models as a list", "\n", "", "", ""),
    block("a section that does not exist", "\nspliting: {seed: 7}\n", "spliting", "", "splitting"),
    block("a section one level too deep", "\nsplitting: {splitting: {seed: 7}}\n", "", "", ""),
    Case("parameters that are a list", RUN, PARAMETERS, "", "", write(PARAMETERS, "- scale\n")),
    Case("parameters that are no YAML", RUN, PARAMETERS, "", "", write(PARAMETERS, "%PDF-1.7\n")),
    Case(
        "parameters in Latin-1",
        RUN,
        PARAMETERS,
        "",
        "",
        write(PARAMETERS, "dataset: Bücher\n".encode("latin-1")),
    ),
    Case("a catalog with a syntax error", RUN, CATALOG, "", "", append(CATALOG, "users_raw: {\n")),
    Case(
        "a dataset's type misspelt",
        RUN,
        "ratings_raw",
        "",
        "",
        change(CATALOG, "TextTable", "TextTabel"),
    ),
    Case(
        "a dataset without a type",
        RUN,
        "ratings_raw",
        "",
        "",
        change(CATALOG, "type: fivestar.datasets.TextTable, ", ""),
    ),
    Case(
        "a dataset without its file",
        RUN,
        "ratings_raw",
        "",
        "",
        change(CATALOG, ", filepath: data/01_raw/mine/reviews.csv", ""),
    ),
    Case(
        "a dataset's option misspelt",
        RUN,
        "ratings_raw",
        "",
        "",
        change(CATALOG, "reviews.csv", "reviews.csv, seperator: ;"),
    ),
    Case(
        "an empty separator",
        RUN,
        "separator",
        "",
        "",
        change(CATALOG, "reviews.csv", 'reviews.csv, separator: ""'),
    ),
    Case(
        "a catalog entry that nothing reads",
        RUN,
        "rating_raw",
        "",
        "ratings_raw",
        change(CATALOG, "ratings_raw", "rating_raw"),
    ),
    Case("a catalog without its ratings", RUN, "ratings_raw", "", "", write(CATALOG, "{}\n")),
    Case(
        "the environment's parameters are missing",
        RUN,
        "data/01_raw/mine/reviews.csv",
        "no column 'user', 'item', 'rating'",
        "Set `ingestion.columns`",
        both(delete(PARAMETERS)),
    ),
]
YAML = [case for case in YAML if case.wrong != "models as a list"]
