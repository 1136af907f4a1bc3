"""The operator's dashboard: pages under /ui, made on the server, each action an API call the user may also make."""
