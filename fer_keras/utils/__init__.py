"""Errors, whole files, the machine and quiet starts: what every room uses."""
