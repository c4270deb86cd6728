"""What Apache Spark computes where a table of ratings is too large for one machine; no Kedro."""
