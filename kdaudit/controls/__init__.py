"""Trains the controls: a network (from `models/`) on training data (from `data/`) by one recipe.

`recipes` resolves the recipe, `train` is the loop, `epochs` chooses how long, `checkpoint` keeps the weights.
"""

from kdaudit.controls.recipes import DEFAULTS as RECIPES

__all__ = ["RECIPES"]
