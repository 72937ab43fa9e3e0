"""The phone agent: a graph of Manager, Perceptor, Operator, Reflector, Notetaker and Verifier."""
