"""The checkup: what is looked at before somebody blames the weather. One file a subject; each look is told as findings.

Never changes anything, never asks a provider what costs money, and never shows a secret.
"""
