"""One module per screen: what it asks of the API, and the template that shows it."""
