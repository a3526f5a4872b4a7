"""The journal: what must survive a crash, in one SQLite file below `data_dir`."""
