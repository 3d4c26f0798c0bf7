"""The settings page: made of the settings' model, so that it has whatever the model has."""
