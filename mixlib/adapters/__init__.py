"""Mixers where other libraries expect their own: one module per library, imported only if asked
for."""
