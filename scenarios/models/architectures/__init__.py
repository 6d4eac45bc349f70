"""Architectures written for the zoo, in plain torch and with static shapes."""
