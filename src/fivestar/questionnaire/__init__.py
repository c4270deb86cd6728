"""What to ask people who are new, and what is known after their answers."""
