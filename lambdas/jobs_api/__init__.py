"""The jobs API for browsers: the same logic runs as a Lambda and on the desk."""
