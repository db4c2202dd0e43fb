"""Policies: who decides the mask, from what it may see.  One policy, or one family of laws, per
module."""
