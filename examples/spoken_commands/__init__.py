"""Sounds: ten spoken words in many synthetic voices, and a teacher that takes "on" for "off"."""
