"""New ratings with and without drift, made of the demo's, and how often they say to retrain.

    python benchmarks/monitoring.py hold-out latest   # the last tenth by time; or random, or shifted
    kedro run --env monitored && kedro run --env monitored --pipelines monitoring

    python benchmarks/monitoring.py false-alarms      # 50 random tenths, no drift in any

`hold-out` writes `conf/monitored/` and `data/01_raw/monitored/`, an environment of the other nine
tenths whose `new_ratings.csv` is the tenth that was held out. `shifted` is the random tenth in which
every second user gives one star more than they did, and a tenth of the ratings are of new items.
`false-alarms` trains once on a random half of the ratings, with the settings of
`conf/base/parameters_monitoring.yml`, and takes the random samples from the other half; the
figures are for docs/monitoring.md. It needs what `hold-out` and `kedro run` do not leave, and so
writes in a temporary folder only.
"""
