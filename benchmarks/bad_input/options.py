"""Options of ``kedro run``."""

from __future__ import annotations

from benchmarks.bad_input.case import Case, write

OPTIONS = [
    Case("an unknown pipeline", "run --pipelines trainig", "", "trainig", "training"),
    Case("an unknown environment", "run --env dmo", "conf/dmo", "no such environment", "choose one of"),
    Case("an environment that is a path", "run --env ../conf/demo", "", "", ""),
    Case("an unknown model for a namespace", "run --namespaces alz", "alz", "", "als"),
    Case("an unknown node", "run --nodes clean_rating", "clean_rating", "", "clean_ratings"),
    Case("an unknown tag", "run --tags ingestoin", "ingestoin", "", "ingestion"),
    Case("an unknown node to start from", "run --from-nodes clean_rating", "clean_rating", "", "clean_ratings"),
    Case("an unknown node to end at", "run --to-nodes splt", "splt", "", "split"),
    Case("an unknown dataset to start from", "run --from-inputs trainn", "trainn", "", "train"),
    Case("an unknown dataset to end at", "run --to-outputs leaderbord", "leaderbord", "", "leaderboard"),
    Case("filters that leave no node", "run --tags ingestion --namespaces als", "", "", ""),
    Case("an unknown runner", "run --runner ThredRunner", "ThredRunner", "", "ThreadRunner"),
    Case("a runner of an unknown module", "run --runner fivstar.runner.LongestFirst", "fivstar", "", ""),
    Case("a runner that is none", "run --runner fivestar.errors.InputError", "InputError", "", ""),
    Case("parameters without a value", "run --params fold", "fold", "", ""),
    Case("parameters without a name", "run --params =3", "", "", ""),
    Case("an unknown option", "run --namespace als", "--namespace", "", "--namespaces"),
    Case("an option without its value", "run --env", "--env", "", ""),
    Case("two options for the pipeline", "run --pipeline training --pipelines evaluation", "", "", ""),
    Case("options from a file that is missing", "run --config nowhere.yml", "nowhere.yml", "", ""),
    Case("options from a file that is no YAML", "run --config run.yml", "run.yml", "", "", write("run.yml", "run: {env: [demo\n")),
    Case("settings from a folder that is missing", "run --conf-source nowhere", "nowhere", "", ""),
    Case("versions of a dataset that has none", "run --load-versions ratings:2026-01-01", "ratings", "", ""),
    Case("an option of the runner that does not exist", "run --runner-params speed=9", "speed", "", ""),
    Case("workers that are no number", "run --runner ThreadRunner --runner-params max_workers=many", "max_workers", "", ""),
]
