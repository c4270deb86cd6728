"""What a trained model holds: its vectors, what lies close in them, and where it errs."""
