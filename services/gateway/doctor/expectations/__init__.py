"""What is expected of each provider's cheapest answer, one module per provider. All of it is documented, none seen live."""
