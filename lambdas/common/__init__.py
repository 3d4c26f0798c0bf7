"""What the three Lambdas share: the environment, the store, the publisher and the sender."""
