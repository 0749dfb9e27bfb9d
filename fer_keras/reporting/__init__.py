"""Figures, tables, prose and HTML reports."""
