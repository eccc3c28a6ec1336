"""Two small real data sets, `digits` and `letter`; LICENSES.txt says whose they are."""
