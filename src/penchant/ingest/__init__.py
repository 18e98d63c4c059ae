"""From files, data sets and Python objects to clean events."""
