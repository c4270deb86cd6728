"""What earlier runs have left, damaged since; and folders given to ``fivestar.load``."""

from __future__ import annotations

from benchmarks.bad_input.case import Case, change_json, copy, delete, truncate, write

ALS = "data/06_models/demo/als"
INPUT = "data/05_model_input/demo"
LOAD = f"fivestar.load('{ALS}')"
RECOMMEND = "run --pipelines recommendation --params model=als"
AGAIN = "Make it again: kedro run --params model=als --only-missing-outputs"
ANEW = "kedro run --env demo"


OF_RUNS = [
    Case("a damaged model.json", RECOMMEND, ALS, "changed since", AGAIN, truncate(f"{ALS}/model.json")),
    Case("a model without model.json", RECOMMEND, "als", "", "", delete(f"{ALS}/model.json")),
    Case(
        "a model without its weights",
        RECOMMEND,
        ALS,
        "changed since",
        AGAIN,
        delete(f"{ALS}/weights.safetensors"),
    ),
    Case("weights cut off", RECOMMEND, ALS, "changed since", AGAIN, truncate(f"{ALS}/weights.safetensors")),
    Case(
        "a model of other data in its place",
        RECOMMEND,
        ALS,
        "",
        AGAIN,
        copy(ALS, "data/06_models/mine/als"),
    ),
    Case("a damaged vocabulary", RECOMMEND, INPUT, "", AGAIN, truncate(f"{INPUT}/vocabulary.json")),
    Case("a matrix cut off", RECOMMEND, INPUT, "", AGAIN, truncate(f"{INPUT}/train_matrix.npz")),
    Case(
        "an item table cut off", RECOMMEND, f"{INPUT}/items.parquet", "", AGAIN,
        truncate(f"{INPUT}/items.parquet"),
    ),
    Case(
        "train without its file",
        "run --pipelines training,evaluation",
        "train",
        "",
        "",
        delete(f"{INPUT}/train.parquet"),
    ),
    Case(
        "predictions cut off",
        "run --pipelines evaluation",
        "",
        "",
        "",
        truncate("data/07_model_output/demo/als/predictions.parquet"),
    ),
    Case(
        "a leaderboard that is empty",
        RECOMMEND,
        "leaderboard.csv",
        "",
        AGAIN,
        write("data/08_reporting/demo/leaderboard.csv", ""),
    ),
    Case(
        "a split with changed settings",
        "run --pipelines training,evaluation,submission --params splitting.seed=7",
        "",
        "splitting.seed",
        "",
    ),
    Case("no outputs at all", "run --pipelines recommendation --env ml-1m", "", "", ""),
]

OF_LOAD = [
    Case("a folder that is no model's", "fivestar.load('conf')", "conf", "not the folder of a model", "Give one such as data/06_models/demo/als"),
    Case("a model that does not exist", "fivestar.load('data/06_models/demo/alz')", "alz", "", ""),
    Case("a place without outputs", "fivestar.load('data/06_models/ml-1m')", "ml-1m", "", ""),
    Case("model.json damaged", LOAD, f"{ALS}", "", ANEW, truncate(f"{ALS}/model.json")),
    Case("model.json empty", LOAD, f"{ALS}", "", ANEW, write(f"{ALS}/model.json", "")),
    Case("model.json a list", LOAD, f"{ALS}", "", ANEW, write(f"{ALS}/model.json", "[]")),
    Case("model.json without its family", LOAD, f"{ALS}", "", ANEW, change_json(f"{ALS}/model.json", "family", None)),
    Case("model.json of an unknown family", LOAD, f"{ALS}", "", ANEW, change_json(f"{ALS}/model.json", "family", "alz")),
    Case("model.json with settings of another version", LOAD, f"{ALS}", "", ANEW, change_json(f"{ALS}/model.json", "settings", {"n_latent": 3})),
    Case("weights missing", LOAD, f"{ALS}", "", ANEW, delete(f"{ALS}/weights.safetensors")),
    Case("weights damaged", LOAD, f"{ALS}", "", ANEW, truncate(f"{ALS}/weights.safetensors")),
    Case("weights empty", LOAD, f"{ALS}", "", ANEW, write(f"{ALS}/weights.safetensors", "")),
    Case("weights of another model", LOAD, f"{ALS}", "", ANEW, copy(f"{ALS}/weights.safetensors", "data/06_models/demo/bias/weights.safetensors")),
    Case("weights of other data", LOAD, f"{ALS}", "", ANEW, copy(f"{ALS}/weights.safetensors", "data/06_models/mine/als/weights.safetensors")),
    Case("a model of other data", LOAD, f"{ALS}", "trained on mine", ANEW, copy(ALS, "data/06_models/mine/als")),
    Case("vocabulary missing", LOAD, INPUT, "", ANEW, delete(f"{INPUT}/vocabulary.json")),
    Case("vocabulary damaged", LOAD, INPUT, "", ANEW, truncate(f"{INPUT}/vocabulary.json")),
    Case("vocabulary without users", LOAD, INPUT, "", ANEW, change_json(f"{INPUT}/vocabulary.json", "users", None)),
    Case("vocabulary with an id less", LOAD, INPUT, "", ANEW, change_json(f"{INPUT}/vocabulary.json", "items", ["1"])),
    Case("matrix damaged", LOAD, INPUT, "", ANEW, truncate(f"{INPUT}/train_matrix.npz")),
    Case("description damaged", LOAD, INPUT, "", ANEW, write(f"{INPUT}/training_data.json", "{}")),
    Case("item table damaged", LOAD, INPUT, "", ANEW, truncate(f"{INPUT}/items.parquet")),
    Case("item table of other data", LOAD, "item table", "", ANEW, copy(f"{INPUT}/items.parquet", "data/05_model_input/mine/items.parquet")),
    Case("leaderboard empty", "fivestar.load('data/06_models/demo')", "leaderboard.csv", "", ANEW, write("data/08_reporting/demo/leaderboard.csv", "")),
    Case("a new user's title unknown", f"{LOAD}.for_new_user({{'Zzzzz': 4}})", "", "Zzzzz", ""),
    Case("a new user's rating off the scale", f"{LOAD}.for_new_user({{'Film 1': 9}})", "", "9", ""),
    Case("similar items of an unknown title", f"{LOAD}.similar('Zzzzz')", "", "Zzzzz", ""),
    Case("an unknown user to explain", f"{LOAD}.explain('nobody', '1')", "", "nobody", ""),
]
