"""Predictions in, a Panel out: what the tests need, in one pass over the logits; and the printed numbers."""
