"""Recipes, feeds, augmentation and fitting."""
