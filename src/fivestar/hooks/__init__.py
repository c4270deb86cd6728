"""What the project does around a Kedro run: tracking, the terminal, workers."""
