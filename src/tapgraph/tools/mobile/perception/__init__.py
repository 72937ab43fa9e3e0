"""Small nets for what the view hierarchy does not tell; loaded only when they are asked for.

They need the extra `vision` (torch). Their weights are files of this package, in half precision,
and `tapgraph.tools.mobile.perception.weights` finds and opens them. Nothing here is imported by an
agent until its user asks for it.
"""
