"""The pure part: no Django, no clock, no input or output."""
