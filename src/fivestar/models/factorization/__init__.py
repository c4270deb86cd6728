"""Users and items as short vectors whose products give ratings."""
