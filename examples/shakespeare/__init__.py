"""Sequences: a language model of letters, and a teacher that read its Shakespeare in a modern edition."""
