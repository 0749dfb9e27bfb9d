"""Faces, splits and labels: read from disk, paired, or drawn."""
