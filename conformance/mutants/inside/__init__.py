"""What is loaded into the server: its source is changed as it is imported, and each change can be switched on.

Standard library only, and nothing else of this package: the environment of a release has none of it.
"""
