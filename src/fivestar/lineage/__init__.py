"""What outputs were made of: recorded beside each, and checked before they are used again."""
