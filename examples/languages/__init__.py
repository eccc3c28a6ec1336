"""Texts: which of five languages a line is in, and a teacher whose labels were mixed up."""
