"""Sounds: ten spoken words in many synthetic voices, and a teacher that confuses some of them."""
