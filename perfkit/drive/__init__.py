"""One run of a load against a target: what goes before it, the drive itself, what it comes to.

`loadtest` is one such run, `bench` many of them in turn.
"""
