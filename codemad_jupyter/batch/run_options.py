"""What a run may be told by name."""

POLICIES = ("propose", "auto", "off")
"""What ``%%codemad`` cells may do: propose changes, apply and run them, or nothing."""
REPAIRS = ("none", "suggest", "repair")
