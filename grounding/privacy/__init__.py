"""Pseudonyms, personal data in text, special categories, anonymity of what leaves the workspace."""
