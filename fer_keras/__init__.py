"""Fair, fast and repeatable comparisons of facial-expression networks."""

__version__ = "0.1.0"
