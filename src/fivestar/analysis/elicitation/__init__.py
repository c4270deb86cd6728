"""Preference elicitation: what to ask cold-start users, and what their answers tell."""
