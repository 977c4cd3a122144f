"""Requests that need neither a task nor the framework: new pictures of a few seeds, and whatever was given before.

Only what is plain goes this way. Whatever is unusual about a request, or wrong with its address, is left to the
framework, which also describes these addresses; the answers are the same on both ways.
"""
