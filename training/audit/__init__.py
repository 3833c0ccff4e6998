"""Looks at answers before training: are they relevant, accurate, consistent, diverse and lawful?"""
