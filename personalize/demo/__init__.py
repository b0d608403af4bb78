"""The believable demo shop, the command that runs it, and the mail catcher with its inbox."""
