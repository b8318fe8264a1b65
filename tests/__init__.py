"""The tests mirror the package, a folder for each of its rooms."""
