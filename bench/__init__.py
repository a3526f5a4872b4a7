"""Benchmarks: each number beside a limit or a peer, measured in the same run. `python -m bench --help`."""
