"""Serves the models of a store over HTTP; it imports `models_store` and never `training`."""
