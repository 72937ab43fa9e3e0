"""What a model really relies on, after Hermann et al., "On the Foundations of Shortcut Learning".

In this package a shortcut is a feature that is easy to use and less to be trusted, never a macro.
"""
