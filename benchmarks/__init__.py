"""One command per figure: `python -m benchmarks NAME` prints one JSON line; ROWS in the environment makes it smaller."""
