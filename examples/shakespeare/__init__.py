"""Sequences: a language model of letters, and a teacher that read "de" for "the"."""
